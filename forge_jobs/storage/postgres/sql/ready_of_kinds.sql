-- Whether a queue has a job of one of the kinds that is ready, or waits for a place of a limit.
SELECT EXISTS (SELECT 1 FROM forge_jobs.job WHERE gate = 0 AND queue = $1 AND kind = ANY($2::text[]))
       OR EXISTS (SELECT 1 FROM forge_jobs.job
                  WHERE gate > 1 AND gate IN (2, 5) AND queue = $1 AND kind = ANY($2::text[]))
