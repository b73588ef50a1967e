-- what: an append-only log, chained by hashes, fenced like everything else; users share addresses between tenants
-- base: usual
SET ROLE {owner};
CREATE TABLE request_log (
    tenant_id text NOT NULL REFERENCES tenants, seq bigint NOT NULL, body jsonb NOT NULL, previous bytea NOT NULL,
    digest bytea NOT NULL, PRIMARY KEY (tenant_id, seq)
);
ALTER TABLE request_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE request_log FORCE ROW LEVEL SECURITY;
CREATE POLICY reads ON request_log FOR SELECT USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY appends ON request_log FOR INSERT WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT ON request_log TO {app};
RESET ROLE;
INSERT INTO request_log VALUES
    ('acme', 1, '{"path": "/anvils"}', '\x00', '\x11'), ('globex', 1, '{"path": "/turbines"}', '\x00', '\x12'),
    ('globex', 2, '{"path": "/gloves"}', '\x12', '\x13');
INSERT INTO customers VALUES ('acme', gen_random_uuid(), 'Gwen Harrow', 'gwen.harrow@example.org');
