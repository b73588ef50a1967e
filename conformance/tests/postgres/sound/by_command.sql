-- what: uuid tenants, a policy for each command and for the application's role alone, expressions in the style of hosts
-- tenants: 9f000000-0000-4000-8000-00000000000a 9f000000-0000-4000-8000-00000000000b
SET ROLE {owner};
CREATE TABLE projects (
    organization_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), title text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (organization_id, id)
);
CREATE TABLE tasks (
    organization_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), project_id uuid NOT NULL,
    title text NOT NULL, done boolean NOT NULL DEFAULT false, PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects ON DELETE CASCADE
);
DO $$
DECLARE
    fence text := 'organization_id = (SELECT nullif(current_setting(''app.current_org'', true), '''')::uuid)';
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['projects', 'tasks'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY reads ON %I FOR SELECT TO {app} USING (%s)', name, fence);
        EXECUTE format('CREATE POLICY inserts ON %I FOR INSERT TO {app} WITH CHECK (%s)', name, fence);
        EXECUTE format('CREATE POLICY updates ON %I FOR UPDATE TO {app} USING (%s) WITH CHECK (%s)', name, fence, fence);
        EXECUTE format('CREATE POLICY deletes ON %I FOR DELETE TO {app} USING (%s)', name, fence);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {app}', name);
    END LOOP;
END $$;
RESET ROLE;
INSERT INTO projects VALUES
    ('9f000000-0000-4000-8000-00000000000a', '91000000-0000-4000-8000-00000000000a', 'bridge over the canal'),
    ('9f000000-0000-4000-8000-00000000000b', '91000000-0000-4000-8000-00000000000b', 'tunnel below the hill');
INSERT INTO tasks (organization_id, project_id, title) VALUES
    ('9f000000-0000-4000-8000-00000000000a', '91000000-0000-4000-8000-00000000000a', 'order steel'),
    ('9f000000-0000-4000-8000-00000000000b', '91000000-0000-4000-8000-00000000000b', 'hire moles');
