-- what: a migration adds a column, and labels nothing
-- base: usual
-- breaks: CLS-01
-- object: public.orders
-- deployment: [postgres.labels]
-- deployment: query = "SELECT relation, name, level FROM column_labels"
-- deployment: assign = "INSERT INTO column_labels VALUES ({relation}, {column}, {level})"
CREATE TABLE column_labels (relation text, name text, level text NOT NULL, PRIMARY KEY (relation, name));
INSERT INTO column_labels
    SELECT table_name, column_name, CASE WHEN column_name IN ('name', 'email', 'note') THEN 'confidential' ELSE 'internal' END
    FROM information_schema.columns WHERE table_schema = 'public';
GRANT SELECT ON column_labels TO {app};
ALTER TABLE orders ADD COLUMN diagnosis text;
