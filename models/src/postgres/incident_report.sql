-- What the operators' nightly report reads: rows of all tenants, as they were when it was made. No policy can be put on
-- it, and so nobody who serves requests may read it.
CREATE ROLE reporting NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE MATERIALIZED VIEW incident_report AS SELECT tenant_id, state, body FROM incidents;
GRANT SELECT ON incident_report TO reporting;
