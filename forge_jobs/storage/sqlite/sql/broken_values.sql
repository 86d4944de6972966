-- Settings, rules and limits that no program would store: they count as those of a new queue or kind, or as nothing.
SELECT NULL, 'queue ' || name || ' has settings that nobody could have made' FROM queue
WHERE (typeof(paused) = 'integer' AND typeof(backoff_enabled) = 'integer' AND typeof(cool_down) = 'integer'
       AND typeof(backoff_base) = 'real' AND backoff_base BETWEEN 0 AND 3153600000
       AND typeof(backoff_max) = 'real' AND backoff_max BETWEEN 0 AND 3153600000
       AND typeof(keep_done) = 'real' AND keep_done BETWEEN 0 AND 36500
       AND typeof(keep_dead) = 'real' AND keep_dead BETWEEN 0 AND 36500
       AND typeof(max_workers) IN ('integer', 'null') AND coalesce(max_workers, 0) BETWEEN 0 AND 100000
       AND typeof(memory_limit) IN ('integer', 'null') AND coalesce(memory_limit, 1048576) >= 1048576
       AND typeof(keep_done_jobs) IN ('integer', 'null') AND coalesce(keep_done_jobs, 0) >= 0
       AND typeof(keep_dead_jobs) IN ('integer', 'null') AND coalesce(keep_dead_jobs, 0) >= 0
       AND typeof(throttles) = 'integer' AND throttles >= 0 AND typeof(throttled_until) IN ('integer', 'null')) IS NOT TRUE
UNION ALL
SELECT NULL, 'kind ' || name || ' has rules that nobody could have declared' FROM kind
WHERE (typeof(max_running) IN ('integer', 'null') AND typeof(max_running_per_key) IN ('integer', 'null')
       AND typeof(rate_cost) = 'real' AND rate_cost > 0 AND json_valid(rate_limits) AND json_valid(events)) IS NOT TRUE
UNION ALL
SELECT NULL, 'rate limit ' || scope || ' has numbers that are none' FROM rate_limit
WHERE (typeof(capacity) IN ('real', 'null') AND typeof(refill) IN ('real', 'null') AND typeof(tokens) = 'real'
       AND typeof(refilled_at) = 'integer') IS NOT TRUE
UNION ALL
SELECT NULL, 'schedule ' || name || ' has fields that cannot be read' FROM schedule
WHERE (typeof(priority) = 'integer' AND typeof(max_attempts) = 'integer' AND typeof(jitter) = 'real' AND jitter >= 0
       AND overlap IN ('skip', 'allow') AND misfire IN ('one', 'skip', 'all') AND json_valid(payload)
       AND typeof(next_fire_at) IN ('integer', 'null') AND typeof(last_fire_at) IN ('integer', 'null')) IS NOT TRUE
LIMIT ?1
