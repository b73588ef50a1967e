-- what: a materialised view holds everybody's sums, and row security does not exist for it
-- after: the lint "materialized view in API" of a hosted Postgres
-- base: usual
-- breaks: STO-03
-- object: public.turnover
CREATE MATERIALIZED VIEW turnover AS SELECT tenant_id, sum(total) AS turnover FROM orders GROUP BY tenant_id;
GRANT SELECT ON turnover TO {app};
