-- what: the application may become a role for support, which bypasses row security
-- base: usual
-- breaks: STO-01
-- object: role {app}_support
CREATE ROLE {app}_support NOLOGIN BYPASSRLS;
GRANT USAGE ON SCHEMA public TO {app}_support;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {app}_support;
GRANT {app}_support TO {app};
