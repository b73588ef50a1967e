-- what: a schema for each tenant and a role for each, and one role reaches into the other's schema
-- after: schema-per-tenant packages of web frameworks
-- deployment: act = { role = "{app}_{id}" }
-- deployment: schemas = "s_{id}"
-- breaks: STO-13
-- object: s_globex.orders
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
GRANT USAGE ON SCHEMA s_globex TO {app}_globex, {app}_acme;
GRANT SELECT, INSERT, UPDATE, DELETE ON s_acme.orders TO {app}_acme;
GRANT SELECT, INSERT, UPDATE, DELETE ON s_globex.orders TO {app}_globex;
GRANT SELECT ON s_globex.orders TO PUBLIC;
ALTER ROLE {app} NOINHERIT;
