-- what: views with the caller's rights, a barrier where the maker's are needed, functions that fence themselves
-- base: usual
SET ROLE {owner};
CREATE VIEW order_list WITH (security_invoker = true) AS SELECT tenant_id, id, note FROM orders;
CREATE VIEW order_totals WITH (security_invoker = true) AS SELECT count(*) AS orders, sum(total) AS turnover FROM orders;
RESET ROLE;
CREATE TABLE payments (tenant_id text NOT NULL, id uuid PRIMARY KEY DEFAULT gen_random_uuid(), iban text NOT NULL);
INSERT INTO payments (tenant_id, iban) VALUES ('acme', 'XK051212012345678906'), ('globex', 'NO9386011117947');
CREATE VIEW my_payments WITH (security_barrier = true) AS
    SELECT * FROM payments WHERE tenant_id = current_setting('app.tenant_id', true) WITH CASCADED CHECK OPTION;
CREATE MATERIALIZED VIEW turnover AS SELECT tenant_id, sum(total) AS turnover FROM orders GROUP BY tenant_id;
CREATE VIEW my_turnover WITH (security_barrier = true) AS
    SELECT * FROM turnover WHERE tenant_id = current_setting('app.tenant_id', true);
CREATE FUNCTION order_by_id(wanted uuid) RETURNS orders LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp
    AS $$ SELECT o FROM orders o WHERE o.id = wanted AND o.tenant_id = current_setting('app.tenant_id', true) $$;
CREATE FUNCTION own_order_count() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT count(*) FROM orders WHERE tenant_id = current_setting('app.tenant_id', true) $$;
CREATE FUNCTION search_notes(term text) RETURNS SETOF text LANGUAGE sql STABLE
    AS $$ SELECT note FROM orders WHERE note LIKE '%' || term || '%' $$;
GRANT SELECT ON order_list, order_totals, my_turnover TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON my_payments TO {app};
