-- what: a stable function names the tenant and fails where there is none; another one sets it, for the transaction
-- tenants: 41 42
-- deployment: act = { statements = ["SELECT enter({id})"] }
SET ROLE {owner};
CREATE FUNCTION enter(tenant integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('tenancy.current', tenant::text, true);
END $$;
CREATE FUNCTION tenant() RETURNS integer LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF coalesce(current_setting('tenancy.current', true), '') = '' THEN
        RAISE EXCEPTION 'no tenant is set' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN current_setting('tenancy.current')::integer;
END $$;
CREATE TABLE invoices (
    tenant_id integer NOT NULL DEFAULT tenant(), number bigserial, amount numeric(12, 2) NOT NULL, payer text NOT NULL,
    PRIMARY KEY (tenant_id, number)
);
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON invoices USING (tenant_id = tenant()) WITH CHECK (tenant_id = tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO {app};
GRANT USAGE ON SEQUENCE invoices_number_seq TO {app};
RESET ROLE;
INSERT INTO invoices (tenant_id, amount, payer) VALUES
    (41, 12.50, 'a miller'), (42, 99.00, 'a smith'), (42, 7.25, 'a baker'), (43, 1.00, 'a tanner');
