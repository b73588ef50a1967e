-- Incidents that tenants report, and what is read of them by other ways than the table itself. The migration runs as a
-- superuser, who owns the views and functions that it makes; tables are handed to `owner`.
CREATE TABLE incidents (
    tenant_id text NOT NULL,
    id int8 NOT NULL,
    state text NOT NULL,
    -- What the tenant calls it in letters: unique within the tenant.
    reference text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (tenant_id, id, state),
    UNIQUE (tenant_id, reference, state)
) PARTITION BY LIST (state);
CREATE TABLE incidents_open PARTITION OF incidents FOR VALUES IN ('open');
CREATE TABLE incidents_closed PARTITION OF incidents FOR VALUES IN ('closed');
ALTER TABLE incidents OWNER TO owner;
ALTER TABLE incidents_open OWNER TO owner;
ALTER TABLE incidents_closed OWNER TO owner;
-- A partition takes over no policy of the whole.
ALTER TABLE incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE incidents FORCE ROW LEVEL SECURITY;
ALTER TABLE incidents_open ENABLE ROW LEVEL SECURITY;
ALTER TABLE incidents_open FORCE ROW LEVEL SECURITY;
ALTER TABLE incidents_closed ENABLE ROW LEVEL SECURITY;
ALTER TABLE incidents_closed FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON incidents
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
CREATE POLICY tenant_isolation ON incidents_open
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
CREATE POLICY tenant_isolation ON incidents_closed
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON incidents, incidents_open, incidents_closed TO service;

-- What a list shows.
CREATE VIEW incident_list WITH (security_invoker = true) AS
    SELECT id, state, reference, body FROM incidents;
GRANT SELECT ON incident_list TO service;

-- The incident of a letter.
CREATE FUNCTION incident_of(text) RETURNS TABLE (id int8, body text) LANGUAGE sql AS
    'SELECT id, body FROM incidents WHERE reference = $1';

-- Who is on duty, and how to reach them. The service may not read the table, and reads a view of some of its columns with
-- the rights of the view's owner, whom no policy holds: the view's own condition is the fence.
CREATE TABLE duties (
    id int8 NOT NULL PRIMARY KEY,
    tenant_id text NOT NULL,
    note text NOT NULL,
    phone text NOT NULL
);
ALTER TABLE duties OWNER TO owner;
ALTER TABLE duties ENABLE ROW LEVEL SECURITY;
ALTER TABLE duties FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON duties
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
CREATE VIEW duty_notes WITH (security_barrier = true) AS
    SELECT id, note FROM duties WHERE tenant_id = NULLIF(current_setting('app.tenant_id', true), '');
GRANT SELECT ON duty_notes TO service;

-- What tenants watch, and what they no longer watch: who reads the former reads both.
CREATE TABLE watches (tenant_id text NOT NULL, id int8 NOT NULL, body text NOT NULL, PRIMARY KEY (tenant_id, id));
-- It takes over the columns, and neither key nor policy.
CREATE TABLE watches_ended (PRIMARY KEY (tenant_id, id)) INHERITS (watches);
ALTER TABLE watches OWNER TO owner;
ALTER TABLE watches_ended OWNER TO owner;
ALTER TABLE watches ENABLE ROW LEVEL SECURITY;
ALTER TABLE watches FORCE ROW LEVEL SECURITY;
ALTER TABLE watches_ended ENABLE ROW LEVEL SECURITY;
ALTER TABLE watches_ended FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON watches
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
CREATE POLICY tenant_isolation ON watches_ended
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON watches, watches_ended TO service;

-- How long what is kept. Nobody but this function reads the table; the legal department has one of the same name.
CREATE TABLE retention (class text NOT NULL PRIMARY KEY, days int8 NOT NULL, note text NOT NULL);
INSERT INTO retention VALUES ('incident', 2555, 'seven years'), ('duty', 90, 'a quarter');
CREATE SCHEMA legal;
CREATE TABLE legal.retention (class text NOT NULL, days int8 NOT NULL, note text NOT NULL);
CREATE FUNCTION retention_of(text) RETURNS TABLE (days int8, note text) LANGUAGE sql SECURITY DEFINER
    SET search_path = public AS 'SELECT days, note FROM retention WHERE class = $1';

-- Pagers, numbered across tenants each in a range of its own, and what was sent to them. The key holds the tenant, so
-- that nobody refers to another tenant's pager, and nobody's rows go with one.
CREATE TABLE pagers (tenant_id text NOT NULL, id int8 NOT NULL, note text NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE TABLE pages (
    tenant_id text NOT NULL,
    pager int8 NOT NULL,
    seq int8 NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (tenant_id, pager, seq),
    FOREIGN KEY (tenant_id, pager) REFERENCES pagers (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE pagers OWNER TO owner;
ALTER TABLE pages OWNER TO owner;
ALTER TABLE pagers ENABLE ROW LEVEL SECURITY;
ALTER TABLE pagers FORCE ROW LEVEL SECURITY;
ALTER TABLE pages ENABLE ROW LEVEL SECURITY;
ALTER TABLE pages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON pagers
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
CREATE POLICY tenant_isolation ON pages
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, DELETE ON pagers, pages TO service;
