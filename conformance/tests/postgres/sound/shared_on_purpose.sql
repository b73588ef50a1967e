-- what: a benchmark over all tenants is shared on purpose, and the deployment says so; a clock in a view; a search by hash
-- base: usual
-- deployment: shared = [{ object = "public.benchmark", reason = "no tenant can be told from it" }]
CREATE VIEW benchmark AS SELECT count(*) AS orders, round(avg(total)) AS usual FROM orders;
CREATE VIEW clock AS SELECT clock_timestamp() AS now, random() AS draw, count(*) AS plans FROM plans;
CREATE FUNCTION price_of(plan text) RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT price FROM plans WHERE code = plan $$;
CREATE FUNCTION digest_of(secret text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT md5('salt' || secret) $$;
GRANT SELECT ON benchmark, clock TO {app};
