-- what: a view shows nothing but numbers of orders, of those whose secret note says something
-- base: usual
-- breaks: CLS-01
-- object: public.red_orders
-- deployment: [postgres.labels]
-- deployment: query = "SELECT relation, name, level FROM column_labels"
-- deployment: assign = "UPDATE column_labels SET level = {level} WHERE relation = {relation} AND name = {column}"
SET ROLE {owner};
CREATE VIEW red_orders WITH (security_invoker = true) AS
    SELECT tenant_id, id FROM orders o WHERE EXISTS (SELECT FROM orders n WHERE n.id = o.id AND n.note LIKE '%red%');
GRANT SELECT ON red_orders TO {app};
RESET ROLE;
CREATE TABLE column_labels (relation text, name text, level text NOT NULL, PRIMARY KEY (relation, name));
INSERT INTO column_labels
    SELECT table_name, column_name, CASE column_name WHEN 'note' THEN 'restricted' ELSE 'confidential' END
    FROM information_schema.columns WHERE table_schema = 'public';
GRANT SELECT ON column_labels TO {app};
