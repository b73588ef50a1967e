-- what: a view is the only door to a table, fences its rows, and is no security barrier: a cheap function looks first
-- after: the manual's chapter on rules and privileges
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.my_payments
CREATE TABLE payments (tenant_id text NOT NULL, id uuid PRIMARY KEY DEFAULT gen_random_uuid(), iban text NOT NULL);
INSERT INTO payments (tenant_id, iban) VALUES
    ('acme', 'XK051212012345678906'), ('globex', 'NO9386011117947'), ('globex', 'MT84MALT011000012345MTLCAST001S');
CREATE VIEW my_payments AS SELECT * FROM payments WHERE tenant_id = current_setting('app.tenant_id', true);
GRANT SELECT ON my_payments TO {app};
