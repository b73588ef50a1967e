-- what: a policy for the finance team names neither team nor tenant
-- base: usual
-- breaks: STO-01
-- object: public.orders
CREATE POLICY large_orders ON orders FOR SELECT USING (total > 400);
