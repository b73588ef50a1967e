-- what: a text tenant in every key, one policy for all commands, forced, and a list of prices for everybody
-- base: usual
SELECT 1;
