-- what: a function with its owner's rights gives an export of everything as one document
-- base: usual
-- breaks: STO-03
-- object: public.export_all()
CREATE FUNCTION export_all() RETURNS json LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT json_agg(c) FROM customers c $$;
