-- A slice of one tenant that is pinned to it (TEN-04): a schema and a login that meet nowhere else.
--
-- The login finds its tables by name alone, as every login does, because its sessions begin with its own schema and
-- no other in their search path. It may not use `public`, and nobody else may use its schema; the views that would
-- name one to the other are closed to both.
CREATE ROLE {login} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{password}' IN ROLE service;
CREATE SCHEMA {slice} AUTHORIZATION owner;
GRANT USAGE ON SCHEMA {slice} TO {login};
ALTER ROLE {login} SET search_path = {slice};
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app, owner;
REVOKE SELECT ON pg_catalog.pg_tables, information_schema.tables FROM PUBLIC;
SET search_path = {slice};

