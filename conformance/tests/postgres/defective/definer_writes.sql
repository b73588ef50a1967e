-- what: a function with its owner's rights changes an order by its id, whoever asks
-- after: an order changed by its id alone (OWASP API1, broken object level authorisation)
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.cancel_order(uuid)
CREATE FUNCTION cancel_order(wanted uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ DELETE FROM orders WHERE id = wanted $$;
