-- what: new tables are granted as they are made, and this one was made without a fence
-- base: usual
-- breaks: STO-01
-- object: public.refunds
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app};
CREATE TABLE refunds (tenant_id text NOT NULL, id uuid DEFAULT gen_random_uuid(), reason text NOT NULL);
INSERT INTO refunds (tenant_id, reason) VALUES ('acme', 'anvil too heavy'), ('globex', 'gloves glow in the dark');
