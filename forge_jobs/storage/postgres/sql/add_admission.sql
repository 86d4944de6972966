-- Notes that places of a key are to be given out.
INSERT INTO forge_jobs.admission (kind, limit_key) VALUES ($1, $2)
