-- Relations between records, and what of them the graph has yet to be told. A relation has one row a change, so that its
-- history stays; the last one counts. Rows of the outbox go when the graph has them.
CREATE TABLE relations (
    tenant_id text NOT NULL,
    source int8 NOT NULL,
    target int8 NOT NULL,
    version int8 NOT NULL,
    present bool NOT NULL,
    PRIMARY KEY (tenant_id, source, target, version)
);
ALTER TABLE relations OWNER TO owner;
ALTER TABLE relations ENABLE ROW LEVEL SECURITY;
ALTER TABLE relations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON relations
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT ON relations TO app;

CREATE TABLE graph_outbox (
    tenant_id text NOT NULL,
    source int8 NOT NULL,
    target int8 NOT NULL,
    version int8 NOT NULL,
    present bool NOT NULL,
    PRIMARY KEY (tenant_id, source, target, version)
);
ALTER TABLE graph_outbox OWNER TO owner;
ALTER TABLE graph_outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE graph_outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON graph_outbox
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, DELETE ON graph_outbox TO app;
