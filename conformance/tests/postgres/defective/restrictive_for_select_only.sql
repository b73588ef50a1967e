-- what: open to all, and fenced by a restrictive policy that was written for SELECT alone
-- base: usual
-- mode: rollback
-- breaks: STO-01
-- object: public.orders
DROP POLICY fence ON orders;
CREATE POLICY members ON orders USING (true) WITH CHECK (true);
CREATE POLICY fence ON orders AS RESTRICTIVE FOR SELECT USING (tenant_id = current_setting('app.tenant_id', true));
