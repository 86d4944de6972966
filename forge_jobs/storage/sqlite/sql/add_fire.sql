-- Remembers a time of a schedule that has come; an error where it has come before.
INSERT INTO fire (schedule, fire_at, job_id, outcome) VALUES (?1, ?2, ?3, ?4)
