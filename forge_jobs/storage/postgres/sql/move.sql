-- Puts a job that waits into another queue. One that nobody knew in its old queue is ready again: it may be known there.
UPDATE forge_jobs.job SET queue = $1, gate = CASE WHEN gate <> 4 THEN gate WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' THEN 5 ELSE 2 END
WHERE seq = $2 AND (status IN ('pending', 'failed')) IS TRUE AND queue <> $1
