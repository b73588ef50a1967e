-- what: the same, and the view does not even show whose rows these are
-- base: usual
-- breaks: STO-03
-- object: public.recent_notes
CREATE VIEW recent_notes AS SELECT id, note FROM orders;
GRANT SELECT ON recent_notes TO {app};
