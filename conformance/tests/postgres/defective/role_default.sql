-- what: the application role has a default tenant
-- base: usual
-- breaks: TEN-01
-- object: role {app}
ALTER ROLE {app} IN DATABASE {db} SET app.tenant_id = 'acme';
