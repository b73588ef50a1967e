-- what: integer tenants, open policies for what the application does, and one restrictive fence around all of them
-- tenants: 1 2
SET ROLE {owner};
CREATE TABLE accounts (account_id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE messages (
    account_id integer NOT NULL REFERENCES accounts, id bigint GENERATED ALWAYS AS IDENTITY, body text NOT NULL,
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'read')), PRIMARY KEY (account_id, id)
);
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY fence ON accounts AS RESTRICTIVE
    USING (account_id = nullif(current_setting('app.account', true), '')::integer);
CREATE POLICY fence ON messages AS RESTRICTIVE
    USING (account_id = nullif(current_setting('app.account', true), '')::integer);
CREATE POLICY reads ON accounts FOR SELECT USING (true);
CREATE POLICY reads ON messages FOR SELECT USING (true);
CREATE POLICY writes ON messages FOR INSERT WITH CHECK (true);
CREATE POLICY marks ON messages FOR UPDATE USING (true) WITH CHECK (state IN ('new', 'read'));
CREATE POLICY erases ON messages FOR DELETE USING (state = 'read');
GRANT SELECT ON accounts TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON messages TO {app};
RESET ROLE;
INSERT INTO accounts VALUES (1, 'first bank'), (2, 'second bakery'), (3, 'third brewery');
INSERT INTO messages (account_id, body) VALUES (1, 'vault is open'), (2, 'oven is cold'), (2, 'flour has come'), (3, 'hops');
