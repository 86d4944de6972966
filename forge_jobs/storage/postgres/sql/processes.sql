-- Every registered worker and its host.
SELECT process_id, host_id FROM forge_jobs.process
