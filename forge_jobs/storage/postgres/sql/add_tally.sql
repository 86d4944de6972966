-- Notes by how much the number of ended jobs (or failed attempts) changed.
INSERT INTO forge_jobs.tally (host_id, queue, outcome, change) VALUES ($1, $2, $3, $4)
