-- The key of the job that was stored last, 0 where there is none.
SELECT coalesce(max(seq), 0) FROM job
