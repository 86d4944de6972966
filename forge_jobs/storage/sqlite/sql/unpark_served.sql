-- Makes jobs claimable again whose kind a new host knows.
UPDATE job SET gate = 0
WHERE gate = 4 AND queue IN (SELECT value FROM json_each(?)) AND kind IN (SELECT value FROM json_each(?))
