-- what: an archive inherits from the table, and inherits no policy
-- base: usual
-- breaks: STO-03
-- object: public.orders_archive
SET ROLE {owner};
CREATE TABLE orders_archive () INHERITS (orders);
GRANT SELECT ON orders_archive TO {app};
RESET ROLE;
INSERT INTO orders_archive (tenant_id, customer_id, total, note) VALUES
    ('acme', gen_random_uuid(), 5, 'birdseed, one sack'), ('globex', gen_random_uuid(), 900, 'cooling tower, used');
