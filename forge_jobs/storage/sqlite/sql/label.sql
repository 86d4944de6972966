-- Puts a job under its kind's limits. One that is ready waits for a place then; one that runs has it already.
UPDATE job
SET limit_key = ?2, gate = CASE gate WHEN 0 THEN CASE ?2 WHEN '' THEN 5 ELSE 2 END ELSE gate END,
    holds_key = CASE WHEN status = 'in_progress' AND ?2 <> '' THEN 1 END
WHERE seq = ?1
