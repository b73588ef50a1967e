-- Roles of a logical replica, beside the published tables: logical replication carries rows, and neither definitions
-- nor policies nor grants. `applier` owns the subscription: an apply worker that were subject to policies would stop at
-- the first row. `reader` is whom reports log in as.
CREATE ROLE applier LOGIN NOSUPERUSER BYPASSRLS;
CREATE ROLE reader LOGIN NOSUPERUSER NOBYPASSRLS;
REVOKE INSERT, UPDATE, DELETE ON devices FROM service;
GRANT SELECT, INSERT, UPDATE, DELETE ON devices TO applier;
GRANT SELECT ON devices TO reader;
