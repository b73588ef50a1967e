-- Devices that tenants have in the field. They are not regulated, and so a row lies wherever its `residency` permits:
-- `any`, or one region. The publication's row filter names that column, which is why the replica identity is the whole
-- row (REPLICA IDENTITY FULL): a filter may only name columns that are logged of the old version as well.
CREATE TABLE devices (
    tenant_id text NOT NULL,
    id int8 NOT NULL,
    residency text NOT NULL DEFAULT 'any',
    body text NOT NULL,
    version int8 NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE devices OWNER TO owner;
ALTER TABLE devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE devices FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON devices
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON devices TO service;
