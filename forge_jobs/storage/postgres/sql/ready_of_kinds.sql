-- Whether a queue has a ready job of one of the kinds.
SELECT EXISTS (SELECT 1 FROM forge_jobs.job WHERE gate = 0 AND queue = $1 AND kind = ANY($2::text[]))
