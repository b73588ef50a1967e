-- what: the fence holds for what is read, and WITH CHECK lets any tenant be written
-- base: usual
-- mode: rollback
-- breaks: STO-01
-- object: public.orders
DROP POLICY fence ON orders;
CREATE POLICY fence ON orders USING (tenant_id = current_setting('app.tenant_id', true)) WITH CHECK (true);
