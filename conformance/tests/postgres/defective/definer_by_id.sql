-- what: a function fetches one order by its id, whoever asks
-- after: an order fetched by its id alone (OWASP API1, broken object level authorisation)
-- base: usual
-- breaks: STO-03
-- object: public.order_by_id(uuid)
CREATE FUNCTION order_by_id(wanted uuid) RETURNS orders LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp AS $$ SELECT o FROM orders o WHERE o.id = wanted $$;
