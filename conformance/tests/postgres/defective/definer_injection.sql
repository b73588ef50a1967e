-- what: a search fences its rows, and pastes what it is given into the statement
-- base: usual
-- breaks: STO-03
-- object: public.search_notes(text)
CREATE FUNCTION search_notes(term text) RETURNS SETOF text LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT note FROM orders WHERE tenant_id = current_setting(''app.tenant_id'', true)'
        || ' AND note LIKE ''%' || term || '%''';
END $$;
