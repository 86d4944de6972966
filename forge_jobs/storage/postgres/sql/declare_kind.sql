-- Notes what the handler of a kind declares.
INSERT INTO forge_jobs.kind (name, max_running, max_running_per_key, concurrency_key, rate_limits, rate_cost, events, limited,
                             metered)
VALUES ($1, $2, $3, $4, $5::json, $6, $7::json, $8, $9)
ON CONFLICT (name) DO UPDATE
SET max_running = excluded.max_running, max_running_per_key = excluded.max_running_per_key,
    concurrency_key = excluded.concurrency_key, rate_limits = excluded.rate_limits, rate_cost = excluded.rate_cost,
    events = excluded.events, limited = excluded.limited, metered = excluded.metered
