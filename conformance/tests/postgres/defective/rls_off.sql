-- what: row security was switched off on one table, for a migration, and not on again
-- after: the lint "RLS disabled in public" of a hosted Postgres
-- base: usual
-- breaks: STO-01
-- object: public.orders
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;
