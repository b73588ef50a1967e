-- what: tenant 0 was meant for templates, and a policy shows its rows to all; then somebody became tenant 0
-- after: a published policy for an object-relational mapper that lets tenant 0 through
-- tenants: 7 0
-- deployment: act = { settings = { "tenancy.tenantId" = "{id}" } }
-- deployment: columns = ["tenantId"]
-- breaks: STO-01
-- object: public.Agent
SET ROLE {owner};
CREATE TABLE "Agent" (
    "tenantId" integer NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), name text NOT NULL,
    PRIMARY KEY ("tenantId", id)
);
ALTER TABLE "Agent" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "Agent" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation_policy ON "Agent"
    USING (("tenantId" = 0) OR ("tenantId" = current_setting('tenancy.tenantId', TRUE)::int))
    WITH CHECK ("tenantId" = current_setting('tenancy.tenantId', TRUE)::int);
GRANT SELECT, INSERT ON "Agent" TO {app};
RESET ROLE;
INSERT INTO "Agent" ("tenantId", name) VALUES (7, 'agent of seven'), (0, 'agent of nobody'), (8, 'agent of eight');
