-- what: a function with its owner's rights names the organisations of the user, and policies ask it; users see themselves
-- after: the helper functions that a hosted Postgres recommends against policies that ask themselves
-- tenants: 7f000000-0000-4000-8000-00000000000a 7f000000-0000-4000-8000-00000000000b
-- users: 11000000-0000-4000-8000-000000000001 11000000-0000-4000-8000-000000000002
-- deployment: act = { settings = { "app.user_id" = "{user}" } }
-- deployment: columns = ["organization_id"]
CREATE TABLE users (id uuid PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE members (organization_id uuid NOT NULL, user_id uuid NOT NULL REFERENCES users, level text NOT NULL);
CREATE TABLE documents (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid NOT NULL, title text NOT NULL, slug text NOT NULL,
    archived boolean NOT NULL DEFAULT false, UNIQUE (organization_id, slug)
);
CREATE UNIQUE INDEX documents_title ON documents (organization_id, lower(title)) WHERE NOT archived;
CREATE FUNCTION my_organizations() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT organization_id FROM members
          WHERE user_id = nullif(current_setting('app.user_id', true), '')::uuid $$;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
ALTER TABLE members FORCE ROW LEVEL SECURITY;
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
CREATE POLICY self ON users USING (id = nullif(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY mine ON members FOR SELECT USING (organization_id IN (SELECT my_organizations()));
CREATE POLICY mine ON documents USING (organization_id IN (SELECT my_organizations()));
GRANT SELECT ON users, members TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO {app};
INSERT INTO users VALUES
    ('11000000-0000-4000-8000-000000000001', 'ada@example.org'), ('11000000-0000-4000-8000-000000000002', 'gwen@example.org');
INSERT INTO members VALUES
    ('7f000000-0000-4000-8000-00000000000a', '11000000-0000-4000-8000-000000000001', 'admin'),
    ('7f000000-0000-4000-8000-00000000000b', '11000000-0000-4000-8000-000000000002', 'reader');
INSERT INTO documents (organization_id, title, slug) VALUES
    ('7f000000-0000-4000-8000-00000000000a', 'Minutes', 'minutes'), ('7f000000-0000-4000-8000-00000000000b', 'Minutes', 'minutes'),
    ('7f000000-0000-4000-8000-00000000000b', 'Plan of the cellar', 'cellar');
