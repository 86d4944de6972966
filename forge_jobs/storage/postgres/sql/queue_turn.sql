-- Where a queue has a cap, claims of it are made one after the other from here on, until the transaction is over.
SELECT 1 FROM forge_jobs.queue WHERE name = $1 AND max_workers IS NOT NULL FOR NO KEY UPDATE
