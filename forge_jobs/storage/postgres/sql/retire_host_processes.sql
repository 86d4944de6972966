-- Takes a supervisor's workers off the registry.
DELETE FROM forge_jobs.process WHERE host_id = $1
