-- what: a clean-up job may delete any row, and so may everybody
-- base: usual
-- mode: rollback
-- breaks: STO-01
-- object: public.orders
CREATE POLICY clean_up ON orders FOR DELETE USING (true);
