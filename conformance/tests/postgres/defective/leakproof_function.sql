-- what: a function is called leakproof so that an index is used, and tells what it was given when it fails
-- base: usual
-- breaks: STO-03
-- object: public.is_gift(text)
CREATE FUNCTION is_gift(note text) RETURNS boolean LANGUAGE plpgsql STABLE LEAKPROOF COST 0.1 AS $$
BEGIN
    IF note LIKE '%,%' THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION 'no gift: %', note;
END $$;
