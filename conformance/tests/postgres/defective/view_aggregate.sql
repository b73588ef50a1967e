-- what: a view counts over all tenants; no row is shown, and the sums of others can be worked out
-- base: usual
-- breaks: STO-03
-- object: public.order_totals
CREATE VIEW order_totals AS SELECT count(*) AS orders, sum(total) AS turnover FROM orders;
GRANT SELECT ON order_totals TO {app};
