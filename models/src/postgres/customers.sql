-- A tenant's customers and their visits, what each column of those is, and who is named for what is restricted. Rows are kept as they
-- are: what a reader may not see of them is masked by the service that reads.
CREATE TABLE customers (
    tenant_id text NOT NULL,
    id int8 NOT NULL,
    country text NOT NULL,
    segment text NOT NULL,
    name text,
    iban text,
    email text,
    account int8,
    discount text,
    diagnosis text,
    -- Added by a migration that labelled nothing.
    nickname text,
    -- Labelled by an import that knows more levels than there are.
    remark text,
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE customers OWNER TO owner;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON customers
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT ON customers TO service;

-- When which customer was where.
CREATE TABLE visits (
    tenant_id text NOT NULL,
    day int8 NOT NULL,
    customer int8 NOT NULL,
    ward text NOT NULL,
    PRIMARY KEY (tenant_id, day)
);
ALTER TABLE visits OWNER TO owner;
ALTER TABLE visits ENABLE ROW LEVEL SECURITY;
ALTER TABLE visits FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON visits
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT ON visits TO service;

-- Levels from public (0) to restricted (3), and how a column is masked for those who may not see it.
CREATE TABLE column_labels (name text NOT NULL PRIMARY KEY, level int8 NOT NULL, kind text NOT NULL);
INSERT INTO column_labels VALUES
    ('tenant_id', 0, ''), ('id', 0, ''), ('country', 0, ''), ('segment', 1, ''),
    ('name', 2, 'name'), ('iban', 2, 'identifier'), ('account', 2, 'identifier'), ('email', 2, 'contact'),
    ('discount', 2, 'business'), ('diagnosis', 3, ''), ('remark', 9, 'contact'),
    ('day', 1, ''), ('customer', 0, ''), ('ward', 3, '');
ALTER TABLE column_labels OWNER TO owner;
GRANT SELECT ON column_labels TO service;

CREATE TABLE named_principals (tenant_id text NOT NULL, subject text NOT NULL, PRIMARY KEY (tenant_id, subject));
ALTER TABLE named_principals OWNER TO owner;
ALTER TABLE named_principals ENABLE ROW LEVEL SECURITY;
ALTER TABLE named_principals FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON named_principals
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT ON named_principals TO service;
