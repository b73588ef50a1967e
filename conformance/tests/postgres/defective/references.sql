-- what: with REFERENCES and a schema to write in, a key of one's own asks which rows exist
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.customers
CREATE SCHEMA scratch;
GRANT USAGE, CREATE ON SCHEMA scratch TO {app};
GRANT REFERENCES ON customers TO {app};
