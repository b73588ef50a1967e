-- what: the application is a member of the owner's role, which counts as owning
-- base: usual
-- breaks: STO-01
-- object: public.customers
GRANT {owner} TO {app};
ALTER TABLE customers NO FORCE ROW LEVEL SECURITY;
