-- Workers of a supervisor that is not registered, though another one has looked for such long after they began.
-- (A worker whose supervisor has just died may register still: it stays until a supervisor looks.)
SELECT NULL, 'worker process ' || process_id || ' (pid ' || pid || ') is of host ' || host_id || ', which is not there'
FROM process
WHERE NOT EXISTS (SELECT 1 FROM host WHERE host.host_id = process.host_id)
  AND started_at < (SELECT max(beat_at) FROM host) - 60000000
LIMIT ?1
