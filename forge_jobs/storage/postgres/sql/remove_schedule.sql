-- Removes a schedule; gives back its name if there was one.
DELETE FROM forge_jobs.schedule WHERE name = $1 RETURNING name
