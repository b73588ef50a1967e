-- what: a foreign table leads back into the same database, as somebody else
-- after: the lint "foreign table in API" of a hosted Postgres
-- base: usual
-- breaks: STO-03
-- object: public.orders_elsewhere
CREATE EXTENSION postgres_fdw;
DO $$
BEGIN
    EXECUTE format('CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
        split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user %L, password_required %L)',
        current_user, 'false');
END $$;
CREATE FOREIGN TABLE orders_elsewhere (tenant_id text, id uuid, total integer, note text)
    SERVER elsewhere OPTIONS (schema_name 'public', table_name 'orders');
GRANT SELECT ON orders_elsewhere TO {app};
