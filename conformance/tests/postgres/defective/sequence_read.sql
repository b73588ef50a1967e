-- what: the sequence behind a number can be read, and counts everybody's tickets
-- base: usual
-- breaks: STO-03
-- object: public.tickets_number_seq
SET ROLE {owner};
CREATE TABLE tickets (
    tenant_id text NOT NULL, number bigserial, subject text NOT NULL, PRIMARY KEY (tenant_id, number)
);
ALTER TABLE tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE tickets FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON tickets USING (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT ON tickets TO {app};
GRANT USAGE, SELECT ON SEQUENCE tickets_number_seq TO {app};
RESET ROLE;
INSERT INTO tickets (tenant_id, subject)
    SELECT CASE WHEN n % 3 = 0 THEN 'acme' ELSE 'globex' END, 'ticket ' || n FROM generate_series(1, 9) n;
