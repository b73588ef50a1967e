-- what: a log keeps whole rows as JSON, names no tenant, and can be read
-- base: usual
-- breaks: STO-01
-- object: public.audit_log
SET ROLE {owner};
CREATE TABLE audit_log (at timestamptz NOT NULL DEFAULT now(), what text NOT NULL, payload jsonb NOT NULL);
GRANT SELECT ON audit_log TO {app};
RESET ROLE;
INSERT INTO audit_log (what, payload) SELECT 'insert', to_jsonb(o) FROM orders o;
