-- Takes a supervisor off the registry, or leaves a tombstone of one that another host has found dead.
DELETE FROM forge_jobs.host WHERE host_id = $1
