-- what: scans lie in large objects, which know no rows: a right on one is a right for every tenant
-- base: usual
-- breaks: STO-03
-- object: large object 424242
SET ROLE {owner};
CREATE TABLE scans (tenant_id text NOT NULL, id uuid PRIMARY KEY DEFAULT gen_random_uuid(), content oid NOT NULL);
ALTER TABLE scans ENABLE ROW LEVEL SECURITY;
ALTER TABLE scans FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON scans USING (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT ON scans TO {app};
RESET ROLE;
SELECT lo_from_bytea(424242, convert_to('passport of gwen harrow', 'UTF8'));
GRANT SELECT ON LARGE OBJECT 424242 TO {app};
INSERT INTO scans (tenant_id, content) VALUES ('globex', 424242);
