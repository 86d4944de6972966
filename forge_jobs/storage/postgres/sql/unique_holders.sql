-- The live jobs that hold unique keys.
SELECT job.kind, job.unique_key, job.id
FROM unnest($1::text[], $2::text[]) AS wanted (kind, unique_key)
JOIN forge_jobs.job ON job.kind = wanted.kind AND job.unique_key = wanted.unique_key AND job.unique_key IS NOT NULL
    AND job.status IN ('pending', 'in_progress', 'failed')
