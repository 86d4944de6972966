-- Says why a schedule did not fire.
UPDATE forge_jobs.schedule SET last_error = $2 WHERE name = $1 AND last_error IS DISTINCT FROM $2
