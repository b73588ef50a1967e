-- what: tenants are compared without case, and two of them differ in nothing else
-- base: usual
-- tenants: acme ACME
-- breaks: STO-01
-- object: public.customers
DROP POLICY fence ON customers;
CREATE POLICY fence ON customers USING (lower(tenant_id) = lower(current_setting('app.tenant_id', true)));
INSERT INTO tenants VALUES ('ACME', 'Another Company Making Everything');
INSERT INTO customers (tenant_id, name, email) VALUES ('ACME', 'Zoe Lark', 'zoe.lark@example.org');
INSERT INTO orders (tenant_id, customer_id, total) SELECT tenant_id, id, 1 FROM customers WHERE tenant_id = 'ACME';
