-- Changes a job that waits, and of it what is given. It is not put off to a time at which it is too late to start it.
UPDATE forge_jobs.job
SET payload = coalesce($1::json, payload), priority = coalesce($2::int, priority),
    scheduled_at = coalesce($3::timestamptz, scheduled_at),
    gate = CASE WHEN $3::timestamptz > $4 THEN 1 WHEN gate = 1 AND $3::timestamptz <= $4 THEN 0 ELSE gate END
WHERE seq = $5 AND (status IN ('pending', 'failed')) IS TRUE
  AND ($3::timestamptz IS NULL OR expires_at IS NULL OR $3::timestamptz < expires_at)
