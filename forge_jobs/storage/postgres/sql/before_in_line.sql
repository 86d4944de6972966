-- How many ready jobs of a queue are before a place in line, counting no further than the limit.
SELECT count(*) FROM (
    SELECT 1 FROM forge_jobs.job
    WHERE gate = 0 AND queue = $1 AND (priority, scheduled_at, seq) < ($2::int, $3::timestamptz, $4::bigint)
    LIMIT $5) AS few
