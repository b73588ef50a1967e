-- what: an import was given a policy of its own, and it checks nothing
-- base: usual
-- mode: rollback
-- breaks: STO-01
-- object: public.customers
CREATE POLICY import ON customers FOR INSERT WITH CHECK (true);
