-- what: a view writes who ordered beside each order, and is labelled as the orders are
-- base: usual
-- breaks: CLS-01
-- object: public.order_contacts
-- deployment: [postgres.labels]
-- deployment: query = "SELECT relation, name, level FROM column_labels"
-- deployment: assign = "UPDATE column_labels SET level = {level} WHERE relation = {relation} AND name = {column}"
SET ROLE {owner};
CREATE VIEW order_contacts WITH (security_invoker = true) AS
    SELECT o.tenant_id, o.id, o.note, c.name || ' <' || c.email || '>' AS whom
    FROM orders o JOIN customers c USING (tenant_id) WHERE c.id = o.customer_id;
GRANT SELECT ON order_contacts TO {app};
RESET ROLE;
-- Levels by number, and relations with their schemas.
CREATE TABLE column_labels (relation text, name text, level int NOT NULL, PRIMARY KEY (relation, name));
INSERT INTO column_labels
    SELECT table_schema || '.' || table_name, column_name, CASE WHEN column_name IN ('name', 'email') THEN 2 ELSE 1 END
    FROM information_schema.columns WHERE table_schema = 'public';
GRANT SELECT ON column_labels TO {app};
