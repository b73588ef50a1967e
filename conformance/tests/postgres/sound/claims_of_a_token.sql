-- what: the tenant stands in the claims of a token, as REST layers over Postgres pass it; quoted names, a schema of its own
-- after: the claims setting of a published REST layer
-- deployment: act = { settings = { "request.jwt.claims" = '{"tenant_id":"{id}","role":"member"}' } }
CREATE SCHEMA "App" AUTHORIZATION {owner};
GRANT USAGE ON SCHEMA "App" TO {app};
SET ROLE {owner};
CREATE FUNCTION "App".claim(name text) RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('request.jwt.claims', true), '')::json ->> name $$;
CREATE TABLE "App"."Order" (
    tenant_id text NOT NULL, "Id" bigint GENERATED ALWAYS AS IDENTITY, "user" text NOT NULL,
    net numeric(10, 2) NOT NULL, gross numeric(10, 2) GENERATED ALWAYS AS (net * 1.2) STORED,
    tags text[] NOT NULL DEFAULT '{}', data jsonb, PRIMARY KEY (tenant_id, "Id")
);
ALTER TABLE "App"."Order" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "App"."Order" FORCE ROW LEVEL SECURITY;
CREATE POLICY "Fence" ON "App"."Order" USING (tenant_id = "App".claim('tenant_id'));
GRANT SELECT, INSERT, UPDATE, DELETE ON "App"."Order" TO {app};
RESET ROLE;
INSERT INTO "App"."Order" (tenant_id, "user", net, tags, data) VALUES
    ('acme', 'ada', 10, '{red,heavy}', '{"a": 1}'), ('globex', 'gwen', 20, '{hot}', NULL), ('globex', 'gus', 30, '{}', '[]');
