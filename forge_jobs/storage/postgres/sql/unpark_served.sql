-- Makes jobs claimable again whose kind a new host knows, at most so many (those of kinds with limits wait for a place then); of the others and of those that are locked just now the leader takes care.
UPDATE forge_jobs.job SET gate = CASE WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' THEN 5 ELSE 2 END
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 4 AND gate > 1 AND queue = ANY($1::text[]) AND kind = ANY($2::text[])
    LIMIT $3
    FOR UPDATE SKIP LOCKED))
RETURNING kind, limit_key
