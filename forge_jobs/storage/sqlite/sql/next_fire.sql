-- The next instant at which an enabled schedule fires.
SELECT min(next_fire_at) FROM schedule WHERE enabled AND next_fire_at > ?1
