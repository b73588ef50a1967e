-- what: the right to TRUNCATE, which no policy looks at
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.orders
GRANT TRUNCATE ON orders TO {app};
