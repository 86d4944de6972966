-- Workers of a supervisor that is not registered.
SELECT NULL, 'worker process ' || process_id || ' (pid ' || pid || ') is of host ' || host_id || ', which is not there'
FROM forge_jobs.process
WHERE NOT EXISTS (SELECT 1 FROM forge_jobs.host WHERE host.host_id = process.host_id)
LIMIT $1
