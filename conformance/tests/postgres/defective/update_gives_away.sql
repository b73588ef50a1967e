-- what: policies by command, and the one for UPDATE lets rows leave the tenant
-- base: usual
-- mode: rollback
-- breaks: STO-01
-- object: public.orders
DROP POLICY fence ON orders;
CREATE POLICY reads ON orders FOR SELECT USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY inserts ON orders FOR INSERT WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY deletes ON orders FOR DELETE USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY updates ON orders FOR UPDATE USING (tenant_id = current_setting('app.tenant_id', true)) WITH CHECK (true);
ALTER TABLE orders DROP CONSTRAINT orders_tenant_id_customer_id_fkey;
