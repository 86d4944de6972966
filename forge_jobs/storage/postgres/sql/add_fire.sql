-- Remembers a time of a schedule that has come; an error where it has come before.
INSERT INTO forge_jobs.fire (schedule, fire_at, job_id, outcome) VALUES ($1, $2, $3::uuid, $4)
