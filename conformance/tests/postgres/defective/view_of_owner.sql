-- what: a view made by a superuser reads with the superuser's rights
-- after: the lint "security definer view" of a hosted Postgres
-- base: usual
-- breaks: STO-03
-- object: public.order_list
CREATE VIEW order_list AS SELECT tenant_id, id, note FROM orders;
GRANT SELECT ON order_list TO {app};
