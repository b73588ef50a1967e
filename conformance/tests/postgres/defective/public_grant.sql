-- what: a copy for an export was left behind, granted to PUBLIC
-- base: usual
-- breaks: STO-01
-- object: public.customers_copy
CREATE TABLE customers_copy AS SELECT * FROM customers;
GRANT SELECT ON customers_copy TO PUBLIC;
