-- Puts a job that waits into another queue. One that nobody knew in its old queue is ready again: it may be known there.
UPDATE job SET queue = ?1, gate = CASE gate WHEN 4 THEN 0 ELSE gate END
WHERE seq = ?2 AND status IN ('pending', 'failed') AND queue <> ?1
