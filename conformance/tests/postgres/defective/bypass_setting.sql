-- what: a setting that anybody can set opens every row
-- after: the bypass policy of a published example for an object-relational mapper
-- base: usual
-- breaks: STO-01
-- object: public.orders
CREATE POLICY bypass_rls_policy ON orders USING (current_setting('app.bypass_rls', TRUE)::text = 'on');
