-- Makes jobs claimable again whose kind a new host knows, at most so many (those of kinds with limits wait for a place then); of the others the leader takes care.
-- (The second condition on the gate is that of the index: without it SQLite would read the whole table.)
UPDATE job SET gate = CASE WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' THEN 5 ELSE 2 END
WHERE seq IN (
    SELECT seq FROM job
    WHERE gate = 4 AND gate > 1 AND queue IN (SELECT value FROM json_each(?)) AND kind IN (SELECT value FROM json_each(?))
    LIMIT ?)
RETURNING kind, limit_key
