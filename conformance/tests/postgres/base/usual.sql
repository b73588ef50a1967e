-- What most deployments have: a text tenant in every key, one policy for all commands, forced on an owner who never
-- logs in, and an application role with rights on rows alone. Sound as it stands; a defect is a slip on top of it.
SET ROLE {owner};
CREATE TABLE tenants (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE customers (
    tenant_id text NOT NULL REFERENCES tenants,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    email text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email)
);
CREATE TABLE orders (
    tenant_id text NOT NULL REFERENCES tenants,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    customer_id uuid NOT NULL,
    total integer NOT NULL,
    note text,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers
);
CREATE TABLE plans (code text PRIMARY KEY, price integer NOT NULL);

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON tenants USING (id = current_setting('app.tenant_id', true));
CREATE POLICY fence ON customers USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY fence ON orders USING (tenant_id = current_setting('app.tenant_id', true));

GRANT SELECT ON tenants, plans TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON customers, orders TO {app};
RESET ROLE;

INSERT INTO plans VALUES ('basic', 10), ('large', 90);
INSERT INTO tenants VALUES ('acme', 'Acme Tools'), ('globex', 'Globex Energy'), ('initech', 'Initech Paper');
INSERT INTO customers VALUES
    ('acme', '0a000000-0000-4000-8000-000000000001', 'Ada Quill', 'ada.quill@example.org'),
    ('acme', '0a000000-0000-4000-8000-000000000002', 'Abel Stone', 'abel.stone@example.org'),
    ('globex', '0b000000-0000-4000-8000-000000000001', 'Gwen Harrow', 'gwen.harrow@example.org'),
    ('globex', '0b000000-0000-4000-8000-000000000002', 'Gus Maddox', 'gus.maddox@example.org'),
    ('globex', '0b000000-0000-4000-8000-000000000003', 'Gail Winter', 'gail.winter@example.org'),
    ('initech', '0c000000-0000-4000-8000-000000000001', 'Ines Lowe', 'ines.lowe@example.org');
INSERT INTO orders VALUES
    ('acme', '1a000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000001', 120, 'anvils, painted red'),
    ('acme', '1a000000-0000-4000-8000-000000000002', '0a000000-0000-4000-8000-000000000002', 75, 'rocket skates'),
    ('globex', '1b000000-0000-4000-8000-000000000001', '0b000000-0000-4000-8000-000000000001', 9100, 'turbine blades'),
    ('globex', '1b000000-0000-4000-8000-000000000002', '0b000000-0000-4000-8000-000000000002', 415, 'uranium gloves'),
    ('globex', '1b000000-0000-4000-8000-000000000003', '0b000000-0000-4000-8000-000000000003', 38, 'hammock for the board'),
    ('initech', '1c000000-0000-4000-8000-000000000001', '0c000000-0000-4000-8000-000000000001', 12, 'red staplers');
