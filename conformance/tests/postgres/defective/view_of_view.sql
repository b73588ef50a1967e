-- what: the outer view reads with the caller's rights, the inner one with its maker's
-- base: usual
-- breaks: STO-03
-- object: public.customer_names
CREATE VIEW customer_names AS SELECT tenant_id, id, name FROM customers;
CREATE VIEW address_book WITH (security_invoker = true) AS SELECT tenant_id, name FROM customer_names;
GRANT SELECT ON customer_names, address_book TO {app};
