-- what: a view fences what it shows and not what is written through it
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.my_customers
CREATE VIEW my_customers WITH (security_barrier = true) AS
    SELECT * FROM customers WHERE tenant_id = current_setting('app.tenant_id', true);
GRANT SELECT, INSERT, UPDATE, DELETE ON my_customers TO {app};
