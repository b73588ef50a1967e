-- what: rights on single columns of the other tenant's rows by a view for support, with the tenant under another name
-- base: usual
-- breaks: STO-03
-- object: public.support_addresses
CREATE VIEW support_addresses AS SELECT tenant_id AS client, email FROM customers;
GRANT SELECT (client, email) ON support_addresses TO {app};
