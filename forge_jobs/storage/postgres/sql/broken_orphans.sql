-- Claims of a worker that is not registered and on no board, though a supervisor has looked for such long after the claim.
-- (Who dies in the middle of a claim may leave one: until a supervisor looks, which it does with every beat.)
SELECT id, 'is claimed by process ' || process_id || ', which is not registered' FROM forge_jobs.job
WHERE status = 'in_progress' AND started_at < (SELECT max(beat_at) FROM forge_jobs.host) - interval '1 minute'
  AND NOT EXISTS (SELECT 1 FROM forge_jobs.process WHERE process.process_id = job.process_id)
  AND NOT EXISTS (SELECT 1 FROM forge_jobs.host WHERE strpos(workers::text, job.process_id::text) > 0)
LIMIT $1
