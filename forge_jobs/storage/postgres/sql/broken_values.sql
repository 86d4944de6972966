-- Settings, rules and limits that no program would store: they count as those of a new queue or kind, or as nothing.
SELECT NULL, 'queue ' || name || ' has settings that nobody could have made' FROM forge_jobs.queue
WHERE (backoff_base BETWEEN 0 AND 3153600000 AND backoff_max BETWEEN 0 AND 3153600000
       AND keep_done BETWEEN 0 AND 36500 AND keep_dead BETWEEN 0 AND 36500
       AND coalesce(max_workers, 0) BETWEEN 0 AND 100000 AND coalesce(memory_limit, 1048576) >= 1048576
       AND coalesce(keep_done_jobs, 0) >= 0 AND coalesce(keep_dead_jobs, 0) >= 0
       AND throttles >= 0 AND coalesce(isfinite(throttled_until), true)) IS NOT TRUE
UNION ALL
SELECT NULL, 'kind ' || name || ' has rules that nobody could have declared' FROM forge_jobs.kind
WHERE (rate_cost BETWEEN 1e-6 AND 1e9 AND json_typeof(rate_limits) = 'array' AND json_typeof(events) = 'array') IS NOT TRUE
UNION ALL
SELECT NULL, 'rate limit ' || scope || ' has numbers that are none' FROM forge_jobs.rate_limit
WHERE (coalesce(capacity, 0) BETWEEN 0 AND 1e9 AND coalesce(refill, 0) BETWEEN 0 AND 1e9 AND tokens BETWEEN -1e9 AND 1e9
       AND isfinite(refilled_at)) IS NOT TRUE
UNION ALL
SELECT NULL, 'schedule ' || name || ' has fields that cannot be read' FROM forge_jobs.schedule
WHERE (jitter BETWEEN 0 AND 3162240000 AND json_typeof(payload) = 'object') IS NOT TRUE
LIMIT $1
