-- what: the function that names the tenant is called immutable, so a cached plan keeps the first tenant's answer
-- base: usual
-- breaks: STO-02
-- object: public.current_tenant()
CREATE FUNCTION current_tenant() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN current_setting('app.tenant_id', true);
END $$;
DROP POLICY fence ON orders;
CREATE POLICY fence ON orders USING (tenant_id = current_tenant());
