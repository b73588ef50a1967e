-- what: a user belongs to organisations, and policies ask the table of members, which nobody but an operator writes
-- after: the organisations and members of a published multi-tenant example
-- tenants: 7f000000-0000-4000-8000-00000000000a 7f000000-0000-4000-8000-00000000000b
-- users: ada gwen
-- deployment: act = { settings = { "app.user_name" = "{user}" } }
SET ROLE {owner};
CREATE TABLE orgs (id uuid PRIMARY KEY, name text NOT NULL);
CREATE TABLE members (org_id uuid NOT NULL REFERENCES orgs, user_name text NOT NULL, PRIMARY KEY (org_id, user_name));
CREATE TABLE files (
    org_id uuid NOT NULL REFERENCES orgs, id uuid NOT NULL DEFAULT gen_random_uuid(), title text NOT NULL,
    PRIMARY KEY (org_id, id)
);
ALTER TABLE orgs ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgs FORCE ROW LEVEL SECURITY;
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
ALTER TABLE members FORCE ROW LEVEL SECURITY;
ALTER TABLE files ENABLE ROW LEVEL SECURITY;
ALTER TABLE files FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON members FOR SELECT USING (user_name = current_setting('app.user_name', true));
CREATE POLICY fence ON orgs USING (EXISTS (SELECT FROM members m WHERE m.org_id = orgs.id));
CREATE POLICY fence ON files USING (org_id IN (SELECT m.org_id FROM members m));
GRANT SELECT ON orgs, members TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON files TO {app};
RESET ROLE;
INSERT INTO orgs VALUES
    ('7f000000-0000-4000-8000-00000000000a', 'Aster'), ('7f000000-0000-4000-8000-00000000000b', 'Borage');
INSERT INTO members VALUES
    ('7f000000-0000-4000-8000-00000000000a', 'ada'), ('7f000000-0000-4000-8000-00000000000b', 'gwen');
INSERT INTO files (org_id, title) VALUES
    ('7f000000-0000-4000-8000-00000000000a', 'minutes of spring'),
    ('7f000000-0000-4000-8000-00000000000b', 'plan of the cellar');
