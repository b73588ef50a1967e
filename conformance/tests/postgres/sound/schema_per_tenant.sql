-- what: a schema for each tenant, and a role for each that sees its own
-- deployment: act = { role = "{app}_{id}" }
-- deployment: schemas = "s_{id}"
CREATE ROLE {app}_acme NOLOGIN;
CREATE ROLE {app}_globex NOLOGIN;
GRANT {app}_acme, {app}_globex TO {app};
CREATE SCHEMA s_acme;
CREATE SCHEMA s_globex;
CREATE TABLE s_acme.orders (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note text NOT NULL);
CREATE TABLE s_globex.orders (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note text NOT NULL);
INSERT INTO s_acme.orders (note) VALUES ('anvils, painted red');
INSERT INTO s_globex.orders (note) VALUES ('turbine blades');
GRANT USAGE ON SCHEMA s_acme TO {app}_acme;
GRANT USAGE ON SCHEMA s_globex TO {app}_globex;
GRANT SELECT, INSERT, UPDATE, DELETE ON s_acme.orders TO {app}_acme;
GRANT SELECT, INSERT, UPDATE, DELETE ON s_globex.orders TO {app}_globex;
ALTER ROLE {app} NOINHERIT;
