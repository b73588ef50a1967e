-- what: a function with its maker's rights looks names up on the caller's path, where the caller may put his own
-- after: CVE-2018-1058, and the lint "function search path mutable" of a hosted Postgres
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.own_order_count()
CREATE FUNCTION own_order_count() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
    AS $$ SELECT count(*) FROM orders WHERE tenant_id = current_setting('app.tenant_id', true) $$;
