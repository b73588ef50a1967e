-- what: partitions by month and below them by hash; only the parent is granted, and it is fenced
SET ROLE {owner};
CREATE TABLE events (
    tenant_id text NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), day date NOT NULL, what text NOT NULL,
    PRIMARY KEY (tenant_id, day, id)
) PARTITION BY RANGE (day);
CREATE TABLE events_2026_01 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')
    PARTITION BY HASH (tenant_id);
CREATE TABLE events_2026_01_0 PARTITION OF events_2026_01 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE events_2026_01_1 PARTITION OF events_2026_01 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE events_2026_02 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON events USING (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON events TO {app};
RESET ROLE;
INSERT INTO events (tenant_id, day, what) VALUES
    ('acme', '2026-01-10', 'login of ada'), ('acme', '2026-02-11', 'export by ada'), ('acme', '2027-01-01', 'fireworks'),
    ('globex', '2026-01-12', 'login of gwen'), ('globex', '2026-02-13', 'password of gus was reset');
