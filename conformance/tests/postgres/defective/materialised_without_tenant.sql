-- what: a materialised view of the largest orders, without the tenant, granted to everybody
-- base: usual
-- breaks: STO-01
-- object: public.largest
CREATE MATERIALIZED VIEW largest AS SELECT id, note, total FROM orders ORDER BY total DESC LIMIT 10;
GRANT SELECT ON largest TO PUBLIC;
