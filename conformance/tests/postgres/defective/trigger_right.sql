-- what: with the right to TRIGGER, a trigger copies what other tenants write
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.orders
GRANT TRIGGER ON orders TO {app};
