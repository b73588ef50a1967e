-- The reference schema of a cell: what the crosscutting document demands of the database.
--
-- `owner` owns the tables and runs migrations; `app` serves requests. Neither is a superuser nor exempt from policies,
-- and `app` owns nothing. Policies are for every role, so that FORCE holds the owner to them as well.
CREATE ROLE owner LOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE service NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE app LOGIN NOSUPERUSER NOBYPASSRLS IN ROLE service;

