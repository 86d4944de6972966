-- Takes a supervisor off the registry.
DELETE FROM forge_jobs.host WHERE host_id = $1
