-- The jobs in line, first one first; the reader stops where its budget is spent. Reads the ready index only
-- as far as it must, and the rows it hands out.
SELECT seq, id, kind, attempts, max_attempts, crashes, CAST(payload AS BLOB), time_limit, expires_at, limit_key, throttles,
       trace, max(scheduled_at, enqueued_at)
FROM job
WHERE gate = 0 AND queue = ?1 AND kind IN (SELECT value FROM json_each(?2)) AND (expires_at IS NULL OR expires_at > ?4)
      AND status IN ('pending', 'failed')
ORDER BY priority, scheduled_at, seq
LIMIT ?3
