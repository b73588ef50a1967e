-- what: where no tenant is set the policy takes one
-- base: usual
-- breaks: TEN-01
-- object: public.orders
DROP POLICY fence ON orders;
CREATE POLICY fence ON orders USING (tenant_id = COALESCE(current_setting('app.tenant_id', true), 'globex'));
