-- what: the application owns its tables, as small deployments do, and row security is forced on it
SET ROLE {owner};
CREATE TABLE notes (
    tenant_id text NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), body text NOT NULL, PRIMARY KEY (tenant_id, id)
);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON notes USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
RESET ROLE;
ALTER TABLE notes OWNER TO {app};
INSERT INTO notes (tenant_id, body) VALUES ('acme', 'buy dynamite'), ('globex', 'sell the reactor');
