-- what: rights on columns, an operator's role with a policy of its own that the application cannot become, a trigger
-- base: usual
CREATE ROLE {app}_operator NOLOGIN;
GRANT USAGE ON SCHEMA public TO {app}_operator;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {app}_operator;
CREATE POLICY operators ON orders FOR SELECT TO {app}_operator USING (true);
CREATE ROLE {app}_group NOLOGIN;
GRANT {app}_group TO {app};
SET ROLE {owner};
CREATE TABLE people (
    tenant_id text NOT NULL REFERENCES tenants, id uuid NOT NULL DEFAULT gen_random_uuid(), name text NOT NULL,
    secret text NOT NULL DEFAULT 'none', changed timestamptz, PRIMARY KEY (tenant_id, id)
);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed := now();
    RETURN NEW;
END $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
ALTER TABLE people FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON people TO {app}_group USING (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT (tenant_id, id, name), INSERT (tenant_id, name), UPDATE (name) ON people TO {app}_group;
RESET ROLE;
INSERT INTO people (tenant_id, name, secret) VALUES
    ('acme', 'Ada Quill', 'rhubarb'), ('globex', 'Gwen Harrow', 'artichoke');
