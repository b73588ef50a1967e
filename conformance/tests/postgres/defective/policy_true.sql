-- what: a second policy, meant for a dashboard, is OR-ed to the fence and lets every row through
-- after: the lint "permissive RLS policy" of a hosted Postgres
-- base: usual
-- breaks: STO-01
-- object: public.orders
CREATE POLICY dashboard ON orders FOR SELECT USING (true);
