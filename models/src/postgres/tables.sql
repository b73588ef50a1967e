-- The tables of a slice, shared or dedicated: the same migration for each, run as a superuser with the search path
-- set to where they belong. Rights are granted to `service`, of which every login of the service is a member: which
-- slice a login reaches is for the schemas to say.
CREATE TABLE records (
    tenant_id text NOT NULL,
    id int8 NOT NULL,
    kind text NOT NULL,
    level int8 NOT NULL,
    label text NOT NULL,
    body text NOT NULL,
    version int8 NOT NULL DEFAULT 1,
    -- Whom to ask about it: personal data, confidential (CLS-01).
    contact text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE records OWNER TO owner;
ALTER TABLE records ENABLE ROW LEVEL SECURITY;
ALTER TABLE records FORCE ROW LEVEL SECURITY;
-- A setting that was only ever set locally reads as the empty string afterwards; NULLIF makes that no tenant at all.
CREATE POLICY tenant_isolation ON records
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON records TO service;

-- Signed, hash-chained log of requests, per tenant. There is no policy for UPDATE and DELETE, and no grant.
CREATE TABLE request_log (
    tenant_id text NOT NULL,
    seq int8 NOT NULL,
    at_ns int8 NOT NULL,
    actor text NOT NULL,
    request text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    signature text NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);
ALTER TABLE request_log OWNER TO owner;
ALTER TABLE request_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE request_log FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_reads ON request_log FOR SELECT
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
CREATE POLICY tenant_appends ON request_log FOR INSERT
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT ON request_log TO service;
