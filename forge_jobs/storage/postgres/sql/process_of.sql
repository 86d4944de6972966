-- One registered worker: its host, its number and its pid.
SELECT host_id, number, pid FROM forge_jobs.process WHERE process_id = $1
