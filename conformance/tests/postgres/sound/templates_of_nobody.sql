-- what: rows without a tenant are templates that everybody reads and nobody writes; reference tables beside them
-- base: usual
SET ROLE {owner};
CREATE TABLE templates (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id text REFERENCES tenants, body text NOT NULL
);
CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL);
ALTER TABLE templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE templates FORCE ROW LEVEL SECURITY;
CREATE POLICY reads ON templates FOR SELECT
    USING (tenant_id IS NULL OR tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY writes ON templates FOR INSERT WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY changes ON templates FOR UPDATE USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY erases ON templates FOR DELETE USING (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON templates TO {app};
GRANT SELECT ON countries TO {app};
RESET ROLE;
INSERT INTO countries VALUES ('NO', 'Norway'), ('MT', 'Malta');
INSERT INTO templates (tenant_id, body) VALUES
    (NULL, 'Dear customer, thank you'), ('acme', 'Dear coyote, beware'), ('globex', 'Dear shareholder, relax');
