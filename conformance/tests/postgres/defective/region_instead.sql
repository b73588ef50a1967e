-- what: the policy fences by region, and two tenants share one
-- base: usual
-- breaks: STO-01
-- object: public.sites
SET ROLE {owner};
CREATE TABLE sites (tenant_id text NOT NULL, region text NOT NULL, address text NOT NULL, PRIMARY KEY (tenant_id, address));
ALTER TABLE sites ENABLE ROW LEVEL SECURITY;
ALTER TABLE sites FORCE ROW LEVEL SECURITY;
CREATE POLICY region ON sites USING (region = coalesce(nullif(current_setting('app.region', true), ''), 'eu')
    AND nullif(current_setting('app.tenant_id', true), '') IS NOT NULL);
GRANT SELECT ON sites TO {app};
RESET ROLE;
INSERT INTO sites VALUES ('acme', 'eu', '1 Anvil Street'), ('globex', 'eu', '2 Reactor Road'), ('globex', 'us', '3 Ohio');
