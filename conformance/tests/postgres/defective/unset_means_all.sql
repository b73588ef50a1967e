-- what: a job without a tenant sees everything, and so does whoever forgets to set one
-- base: usual
-- breaks: STO-01
-- object: public.customers
DROP POLICY fence ON customers;
CREATE POLICY fence ON customers USING (
    current_setting('app.tenant_id', true) IS NULL OR tenant_id = current_setting('app.tenant_id', true)
);
