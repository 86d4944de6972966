-- Jobs that wait although it is too late to start them.
SELECT seq, queue, attempts, kind, limit_key, id FROM job
WHERE expires_at IS NOT NULL AND gate IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?
