-- What the handler of one kind declares; nobody else gives out its places. (The write lock is held.)
SELECT name, max_running, max_running_per_key, concurrency_key, rate_limits, rate_cost, events FROM kind WHERE name = ?
