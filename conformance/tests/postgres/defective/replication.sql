-- what: the application role may replicate, and a slot shows every change of every tenant
-- base: usual
-- breaks: STO-03
-- object: role {app}
ALTER ROLE {app} REPLICATION;
-- next
SELECT pg_create_logical_replication_slot('{db}_changes', 'test_decoding');
-- next
INSERT INTO orders VALUES
    ('globex', DEFAULT, '0b000000-0000-4000-8000-000000000001', 77, 'second turbine, urgent');
