-- what: only two columns are granted, and rows are not fenced
-- base: usual
-- breaks: STO-01
-- object: public.logins
CREATE TABLE logins (tenant_id text NOT NULL, email text NOT NULL, secret text NOT NULL);
INSERT INTO logins VALUES ('acme', 'ada.quill@example.org', 'x1'), ('globex', 'gwen.harrow@example.org', 'x2');
GRANT SELECT (tenant_id, email) ON logins TO {app};
