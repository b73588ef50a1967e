-- what: two memberships away lies a role for which a policy lets everything through; nothing is inherited
-- base: usual
-- breaks: STO-01
-- object: role {app}_auditors
ALTER ROLE {app} NOINHERIT;
CREATE ROLE {app}_auditors NOLOGIN;
CREATE ROLE {app}_staff NOLOGIN NOINHERIT;
GRANT USAGE ON SCHEMA public TO {app}_auditors;
GRANT SELECT ON orders TO {app}_auditors;
CREATE POLICY auditors ON orders FOR SELECT TO {app}_auditors USING (true);
GRANT {app}_auditors TO {app}_staff;
GRANT {app}_staff TO {app};
