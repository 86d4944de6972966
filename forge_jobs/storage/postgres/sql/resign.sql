-- Gives the lease up.
DELETE FROM forge_jobs.leader WHERE holder = $1
