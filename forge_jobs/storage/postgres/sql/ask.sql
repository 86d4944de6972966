-- Asks something of a host.
INSERT INTO forge_jobs.request (host_id, process_id, verb, asked_at) VALUES ($1, $2, $3, $4) RETURNING no
