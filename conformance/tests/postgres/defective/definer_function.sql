-- what: a function runs with the rights of the superuser who made it
-- base: usual
-- breaks: STO-03
-- object: public.order_notes()
CREATE FUNCTION order_notes() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT note FROM orders ORDER BY note $$;
