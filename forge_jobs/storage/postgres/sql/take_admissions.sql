-- Takes some of the notes of places to be given out; those that another takes just now are passed over.
DELETE FROM forge_jobs.admission
WHERE no = ANY (ARRAY(SELECT no FROM forge_jobs.admission ORDER BY no LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING kind, limit_key
