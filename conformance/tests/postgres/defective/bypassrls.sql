-- what: the application role carries BYPASSRLS
-- base: usual
-- breaks: STO-01
-- object: role {app}
ALTER ROLE {app} BYPASSRLS;
