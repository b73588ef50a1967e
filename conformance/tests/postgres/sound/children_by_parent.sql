-- what: lines carry no tenant; their policy asks whether their order can be seen, when read and when written
-- base: usual
ALTER TABLE orders ADD CONSTRAINT orders_id_key UNIQUE (id);
SET ROLE {owner};
CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders (id), line integer NOT NULL, article text NOT NULL,
    PRIMARY KEY (order_id, line)
);
ALTER TABLE order_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON order_lines USING (EXISTS (SELECT FROM orders o WHERE o.id = order_lines.order_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON order_lines TO {app};
RESET ROLE;
INSERT INTO order_lines VALUES
    ('1a000000-0000-4000-8000-000000000001', 1, 'anvil'), ('1b000000-0000-4000-8000-000000000001', 1, 'blade, left'),
    ('1b000000-0000-4000-8000-000000000001', 2, 'blade, right');
