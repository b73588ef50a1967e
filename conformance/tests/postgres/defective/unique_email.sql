-- what: an address is unique over all tenants, so a refusal tells that somebody has it
-- after: the manual on row security: constraints are checked beyond policies
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.customers
ALTER TABLE customers ADD CONSTRAINT customers_email_key UNIQUE (email);
