-- Puts a job under its kind's limits. One that is ready waits for a place then; one that runs has it already.
UPDATE forge_jobs.job
SET limit_key = $2, gate = CASE gate WHEN 0 THEN CASE $2::text WHEN '' THEN 5 ELSE 2 END ELSE gate END,
    holds_key = CASE WHEN status = 'in_progress' AND $2::text <> '' THEN true END
WHERE seq = $1
