-- Whether places are to be given out.
SELECT EXISTS (SELECT 1 FROM forge_jobs.admission)
