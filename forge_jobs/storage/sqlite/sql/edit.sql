-- Changes a job that waits, and of it what is given. It is not put off to a time at which it is too late to start it.
UPDATE job
SET payload = CASE WHEN ?1 THEN ?2 ELSE payload END, priority = coalesce(?3, priority),
    scheduled_at = coalesce(?4, scheduled_at), holds_key = CASE WHEN ?4 > ?5 THEN NULL ELSE holds_key END,
    gate = CASE WHEN ?4 > ?5 THEN 1
                WHEN gate = 1 AND ?4 <= ?5
                THEN CASE WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' OR holds_key = 1 THEN 5 ELSE 2 END
                ELSE gate END
WHERE seq = ?6 AND status IN ('pending', 'failed') AND (?4 IS NULL OR expires_at IS NULL OR ?4 < expires_at)
