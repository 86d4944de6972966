-- Forgets the fires of a schedule.
DELETE FROM forge_jobs.fire WHERE schedule = $1
