-- The next instant at which an enabled schedule fires.
SELECT min(next_fire_at) FROM forge_jobs.schedule WHERE enabled AND next_fire_at > $1
