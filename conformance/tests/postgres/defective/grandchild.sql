-- what: remarks hang on lines that hang on orders; the lines are fenced by their order, the remarks by nothing
-- base: usual
-- breaks: STO-01
-- object: public.remarks
ALTER TABLE orders ADD CONSTRAINT orders_id_key UNIQUE (id);
SET ROLE {owner};
CREATE TABLE order_lines (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id uuid NOT NULL REFERENCES orders (id));
CREATE TABLE remarks (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), line_id uuid NOT NULL REFERENCES order_lines, text text);
ALTER TABLE order_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON order_lines USING (EXISTS (SELECT FROM orders o WHERE o.id = order_lines.order_id));
GRANT SELECT ON order_lines, remarks TO {app};
RESET ROLE;
INSERT INTO order_lines (order_id) SELECT id FROM orders;
INSERT INTO remarks (line_id, text) SELECT id, 'about ' || order_id FROM order_lines;
