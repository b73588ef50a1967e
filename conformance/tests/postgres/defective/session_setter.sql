-- what: the function that sets the tenant sets it for the session: whoever gets the connection next has it too
-- base: usual
-- breaks: STO-02
-- object: public.become(text)
CREATE FUNCTION become(tenant text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.tenant_id', tenant, false);
END $$;
