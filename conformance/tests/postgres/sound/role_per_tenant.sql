-- what: the application becomes a role for each tenant, and policies ask who that is
-- deployment: act = { role = "{app}_{id}" }
CREATE ROLE {app}_acme NOLOGIN;
CREATE ROLE {app}_globex NOLOGIN;
ALTER ROLE {app} NOINHERIT;
GRANT {app}_acme, {app}_globex TO {app};
SET ROLE {owner};
CREATE TABLE letters (
    tenant_id text NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), body text NOT NULL, PRIMARY KEY (tenant_id, id)
);
ALTER TABLE letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE letters FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON letters USING ('{app}_' || tenant_id = current_user);
GRANT SELECT, INSERT, UPDATE, DELETE ON letters TO {app}_acme, {app}_globex;
RESET ROLE;
INSERT INTO letters (tenant_id, body) VALUES ('acme', 'dear globex, no'), ('globex', 'dear acme, please'), ('globex', 'ps');
