-- Claims of a worker that is not registered and on no board, though a supervisor has looked for such long after the claim.
-- (Who dies in the middle of a claim may leave one: until a supervisor looks, which it does with every beat.)
SELECT id, 'is claimed by process ' || process_id || ', which is not registered' FROM job
WHERE status = 'in_progress' AND started_at < (SELECT max(beat_at) FROM host) - 60000000
  AND NOT EXISTS (SELECT 1 FROM process WHERE process.process_id = job.process_id)
  AND NOT EXISTS (SELECT 1 FROM host WHERE instr(workers, job.process_id) > 0)
LIMIT ?1
