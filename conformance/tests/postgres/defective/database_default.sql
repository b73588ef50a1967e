-- what: the database has a default tenant, so a connection that names none is somebody
-- after: the day-1 document's fallback tenant
-- base: usual
-- breaks: TEN-01
-- object: database {db}
ALTER DATABASE {db} SET app.tenant_id = 'globex';
