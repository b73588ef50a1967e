-- what: one partition was granted by itself; the fence of its parent does not stand there
-- base: usual
-- breaks: STO-03
-- object: public.events_2026_02
SET ROLE {owner};
CREATE TABLE events (tenant_id text NOT NULL, day date NOT NULL, what text NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE events_2026_01 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2026_02 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON events USING (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT ON events TO {app};
GRANT SELECT ON events_2026_02 TO {app};
RESET ROLE;
INSERT INTO events VALUES
    ('acme', '2026-01-10', 'login of ada'), ('acme', '2026-02-11', 'export by ada'),
    ('globex', '2026-01-12', 'login of gwen'), ('globex', '2026-02-13', 'password of gus was reset');
