-- what: the application owns the table, and row security is not forced on owners
-- after: reports of policies that never apply because the service connects as the owner
-- base: usual
-- breaks: STO-01
-- object: public.orders
ALTER TABLE orders OWNER TO {app};
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
