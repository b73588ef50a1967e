-- what: the list of tenants is open to all of them: who is a customer is nobody's business
-- base: usual
-- breaks: TEN-02
-- object: public.tenants
DROP POLICY fence ON tenants;
CREATE POLICY everybody ON tenants FOR SELECT USING (true);
