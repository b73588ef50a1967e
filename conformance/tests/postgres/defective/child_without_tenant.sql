-- what: lines of orders carry no tenant, and have no fence either
-- base: usual
-- breaks: STO-01
-- object: public.order_lines
ALTER TABLE orders ADD CONSTRAINT orders_id_key UNIQUE (id);
SET ROLE {owner};
CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders (id), line integer NOT NULL, article text NOT NULL,
    PRIMARY KEY (order_id, line)
);
GRANT SELECT ON order_lines TO {app};
RESET ROLE;
INSERT INTO order_lines VALUES
    ('1a000000-0000-4000-8000-000000000001', 1, 'anvil'), ('1b000000-0000-4000-8000-000000000001', 1, 'blade, left'),
    ('1b000000-0000-4000-8000-000000000001', 2, 'blade, right');
