-- what: a trigger with its owner's rights writes a log that the application cannot read; a rule keeps rows from erasure
-- base: usual
SET ROLE {owner};
CREATE TABLE audit_log (at timestamptz NOT NULL DEFAULT now(), what text NOT NULL, payload jsonb NOT NULL);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_log (what, payload) VALUES (TG_OP, to_jsonb(coalesce(NEW, OLD)));
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TABLE ledger (
    tenant_id text NOT NULL REFERENCES tenants, entry bigserial, amount integer NOT NULL CHECK (amount <> 0),
    reason text NOT NULL, PRIMARY KEY (tenant_id, entry)
);
CREATE RULE ledger_stays AS ON DELETE TO ledger DO INSTEAD NOTHING;
ALTER TABLE ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON ledger USING (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE ON ledger TO {app};
GRANT USAGE ON SEQUENCE ledger_entry_seq TO {app};
RESET ROLE;
INSERT INTO ledger (tenant_id, amount, reason) VALUES ('acme', 5, 'five anvils'), ('globex', -7, 'a refund of seven');
