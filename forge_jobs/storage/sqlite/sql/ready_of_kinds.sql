-- Whether a queue has a job of one of the kinds that is ready, or waits for a place of a limit. (The condition on gates
-- over 1 is that of the index.)
SELECT EXISTS (SELECT 1 FROM job WHERE gate = 0 AND queue = ?1 AND kind IN (SELECT value FROM json_each(?2)))
       OR EXISTS (SELECT 1 FROM job WHERE gate > 1 AND gate IN (2, 5) AND queue = ?1
                                      AND kind IN (SELECT value FROM json_each(?2)))
