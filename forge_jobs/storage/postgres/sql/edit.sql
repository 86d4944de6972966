-- Changes a job that waits, and of it what is given. It is not put off to a time at which it is too late to start it.
UPDATE forge_jobs.job
SET payload = coalesce($1::json, payload), priority = coalesce($2::int, priority),
    scheduled_at = coalesce($3::timestamptz, scheduled_at),
    holds_key = CASE WHEN $3::timestamptz > $4 THEN NULL ELSE holds_key END,
    gate = CASE WHEN $3::timestamptz > $4 THEN 1
                WHEN gate = 1 AND $3::timestamptz <= $4
                THEN CASE WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' OR holds_key THEN 5 ELSE 2 END
                ELSE gate END
WHERE seq = $5 AND (status IN ('pending', 'failed')) IS TRUE
  AND ($3::timestamptz IS NULL OR expires_at IS NULL OR $3::timestamptz < expires_at)
