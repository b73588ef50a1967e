-- what: every column has a level, and views of many shapes are as sensitive as what they are made from
-- base: usual
-- deployment: [postgres.labels]
-- deployment: query = "SELECT relation, name, level FROM column_labels"
SET ROLE {owner};
CREATE VIEW contacts WITH (security_invoker = true) AS
    SELECT o.tenant_id, o.id, c.email AS whom FROM orders o JOIN customers c USING (tenant_id) WHERE c.id = o.customer_id;
CREATE VIEW things WITH (security_invoker = true) AS
    SELECT tenant_id, note AS thing FROM orders UNION ALL SELECT tenant_id, email FROM customers;
CREATE VIEW sums WITH (security_invoker = true) AS
    SELECT tenant_id, count(*) AS n, max(note) AS last, sum(total) AS turnover FROM orders GROUP BY tenant_id;
CREATE VIEW before WITH (security_invoker = true) AS
    SELECT tenant_id, id, lag(note) OVER (PARTITION BY tenant_id ORDER BY id) AS thing FROM orders;
CREATE VIEW largest WITH (security_invoker = true) AS
    WITH paid(tenant_id, id, total) AS (SELECT tenant_id, id, total FROM orders WHERE total > 100)
    SELECT p.tenant_id, p.id, (SELECT max(c.email) FROM customers c WHERE c.tenant_id = p.tenant_id) AS thing FROM paid p;
CREATE VIEW words WITH (security_invoker = true) AS
    SELECT o.tenant_id, o.id, word.thing FROM orders o CROSS JOIN LATERAL regexp_split_to_table(o.note, ' ') AS word(thing);
CREATE VIEW contact_list WITH (security_invoker = true) AS SELECT tenant_id, lower(whom) AS whom FROM contacts;
GRANT SELECT ON contacts, things, sums, before, largest, words, contact_list TO {app};
RESET ROLE;
CREATE TABLE column_labels (relation text, name text, level text NOT NULL, PRIMARY KEY (relation, name));
INSERT INTO column_labels
    SELECT table_name, column_name,
        CASE WHEN column_name IN ('note', 'email', 'thing', 'whom', 'last') THEN 'confidential' ELSE 'internal' END
    FROM information_schema.columns WHERE table_schema = 'public';
GRANT SELECT ON column_labels TO {app};
