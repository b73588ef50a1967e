-- what: the fence compares the beginning of the name, and one tenant's name begins like another's
-- base: usual
-- tenants: acme acme-labs
-- breaks: STO-01
-- object: public.orders
DROP POLICY fence ON orders;
CREATE POLICY fence ON orders USING (tenant_id LIKE current_setting('app.tenant_id', true) || '%');
INSERT INTO tenants VALUES ('acme-labs', 'Acme Laboratories');
INSERT INTO customers VALUES
    ('acme-labs', '0d000000-0000-4000-8000-000000000001', 'Lena Brook', 'lena.brook@example.org');
INSERT INTO orders VALUES ('acme-labs', DEFAULT, '0d000000-0000-4000-8000-000000000001', 33, 'beakers, cracked');
