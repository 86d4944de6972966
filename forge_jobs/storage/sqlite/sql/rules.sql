-- What the handlers of all kinds declare.
SELECT name, max_running, max_running_per_key, concurrency_key, rate_limits, rate_cost, events FROM kind ORDER BY name
