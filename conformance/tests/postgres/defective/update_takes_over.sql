-- what: the policy for UPDATE checks what a row becomes, and not whose it was
-- base: usual
-- mode: rollback
-- breaks: STO-01
-- object: public.customers
DROP POLICY fence ON customers;
CREATE POLICY reads ON customers FOR SELECT USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY inserts ON customers FOR INSERT WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY deletes ON customers FOR DELETE USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY updates ON customers FOR UPDATE
    USING (true) WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
