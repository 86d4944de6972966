-- What the handler of one kind declares; nobody else gives out its places until the transaction is over.
SELECT name, max_running, max_running_per_key, concurrency_key, rate_limits, rate_cost, events
FROM forge_jobs.kind WHERE name = $1 FOR NO KEY UPDATE
