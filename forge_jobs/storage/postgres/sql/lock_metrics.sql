-- Lets nobody else fold until the transaction is over: two that add to the same minute would lose one addition.
SELECT pg_advisory_xact_lock($1)
