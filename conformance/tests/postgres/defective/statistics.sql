-- what: the planner's raw statistics are granted: the commonest values of every column, whosever they are
-- after: CVE-2017-7484 and CVE-2019-10130, which leaked the same statistics another way
-- base: usual
-- breaks: STO-03
-- object: pg_catalog.pg_statistic
GRANT SELECT ON pg_statistic TO {app};
ANALYZE orders, customers;
