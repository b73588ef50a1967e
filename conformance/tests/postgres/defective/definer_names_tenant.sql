-- what: a function takes the tenant as an argument, and believes it
-- base: usual
-- breaks: STO-03
-- object: public.turnover_of(text)
CREATE FUNCTION turnover_of(tenant text) RETURNS TABLE (orders bigint, largest integer) LANGUAGE plpgsql STABLE
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT count(*), max(o.total) FROM orders o WHERE o.tenant_id = tenant;
END $$;
