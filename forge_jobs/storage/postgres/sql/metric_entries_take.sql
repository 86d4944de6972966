-- Takes entries out, those numbered; gives the numbers of those that were still there.
DELETE FROM forge_jobs.metric_entry WHERE no = ANY ($1::bigint[]) RETURNING no
