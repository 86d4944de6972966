-- Makes jobs claimable again whose kind a new host knows. (The second condition is that of the index: without it
-- SQLite would read the whole table.)
UPDATE job SET gate = 0
WHERE gate = 4 AND gate > 1 AND queue IN (SELECT value FROM json_each(?)) AND kind IN (SELECT value FROM json_each(?))
