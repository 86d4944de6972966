-- Notes what the handler of a kind declares.
INSERT OR REPLACE INTO kind (name, max_running, max_running_per_key, concurrency_key, rate_limits, rate_cost, events, limited,
                             metered)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
