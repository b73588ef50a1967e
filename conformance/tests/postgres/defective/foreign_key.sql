-- what: a key without the tenant points at other tenants' rows, and tells whether they exist
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.shipments
ALTER TABLE orders ADD CONSTRAINT orders_id_key UNIQUE (id);
SET ROLE {owner};
CREATE TABLE shipments (
    tenant_id text NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), order_id uuid NOT NULL REFERENCES orders (id),
    carrier text NOT NULL, PRIMARY KEY (tenant_id, id)
);
ALTER TABLE shipments ENABLE ROW LEVEL SECURITY;
ALTER TABLE shipments FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON shipments USING (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON shipments TO {app};
RESET ROLE;
INSERT INTO shipments (tenant_id, order_id, carrier) VALUES
    ('acme', '1a000000-0000-4000-8000-000000000001', 'coyote express'),
    ('globex', '1b000000-0000-4000-8000-000000000001', 'heavy haulage');
