-- what: a rule on a view writes to the table with the rights of the view's owner
-- base: usual
-- mode: rollback
-- breaks: STO-03
-- object: public.inbox
CREATE VIEW inbox WITH (security_barrier = true) AS
    SELECT tenant_id, customer_id, total, note FROM orders WHERE tenant_id = current_setting('app.tenant_id', true);
CREATE RULE inbox_in AS ON INSERT TO inbox DO INSTEAD
    INSERT INTO orders (tenant_id, customer_id, total, note) VALUES (NEW.tenant_id, NEW.customer_id, NEW.total, NEW.note);
GRANT SELECT, INSERT ON inbox TO {app};
