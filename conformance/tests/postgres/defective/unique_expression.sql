-- what: the same by an index over an expression
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.customers
CREATE UNIQUE INDEX customers_email_lower ON customers (lower(email));
