-- what: a view for monitoring shows the statistics of all columns, without the barrier of pg_stats
-- base: usual
-- breaks: STO-03
-- object: public.column_values
CREATE VIEW column_values AS
    SELECT starelid::regclass AS relation, staattnum AS number, stavalues1::text AS commonest, stavalues2::text AS bounds
    FROM pg_statistic WHERE starelid IN ('orders'::regclass, 'customers'::regclass);
GRANT SELECT ON column_values TO {app};
ANALYZE orders, customers;
