-- Tells every coordinator something, when the transaction is committed.
SELECT pg_notify($1, $2)
