-- what: an empty tenant means all of them, and a setting that was local once is empty ever after on that connection
-- base: usual
-- breaks: STO-01
-- object: public.customers
DROP POLICY fence ON customers;
CREATE POLICY fence ON customers USING (
    current_setting('app.tenant_id', true) = '' OR tenant_id = current_setting('app.tenant_id', true)
);
