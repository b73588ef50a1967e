-- what: a tenant has teams, and team rows carry both; the fence asks for the tenant, and a restrictive one for the team
-- tenants: 10 20
-- deployment: act = { settings = { "app.tenant_id" = "{id}" } }
-- deployment: columns = ["tenant_id"]
SET ROLE {owner};
CREATE DOMAIN tenant_number AS integer CHECK (VALUE > 0);
CREATE TABLE teams (tenant_id tenant_number NOT NULL, team_id integer NOT NULL, name text NOT NULL, PRIMARY KEY (tenant_id, team_id));
CREATE TABLE posts (
    tenant_id tenant_number NOT NULL, team_id integer NOT NULL, post_id integer NOT NULL, body text NOT NULL,
    parent_id integer, PRIMARY KEY (tenant_id, team_id, post_id),
    FOREIGN KEY (tenant_id, team_id) REFERENCES teams,
    FOREIGN KEY (tenant_id, team_id, parent_id) REFERENCES posts
);
ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
ALTER TABLE teams FORCE ROW LEVEL SECURITY;
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
ALTER TABLE posts FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON teams USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::integer);
CREATE POLICY fence ON posts USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::integer);
CREATE POLICY team ON posts AS RESTRICTIVE FOR SELECT
    USING (coalesce(nullif(current_setting('app.team', true), '')::integer, team_id) = team_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON teams, posts TO {app};
RESET ROLE;
INSERT INTO teams VALUES (10, 1, 'kitchen of ten'), (10, 2, 'garden of ten'), (20, 1, 'kitchen of twenty');
INSERT INTO posts VALUES
    (10, 1, 1, 'soup is ready', NULL), (10, 1, 2, 'which soup', 1), (10, 2, 1, 'peas', NULL), (20, 1, 1, 'stew is late', NULL),
    (20, 1, 2, 'how late', 1);
