-- what: the application may read files of the server, and tables are files
-- base: usual
-- breaks: STO-03
-- object: function pg_catalog.pg_read_binary_file(text)
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO {app};
-- next
CHECKPOINT;
