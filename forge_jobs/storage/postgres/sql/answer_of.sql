-- The answer to a question, if there is one yet.
SELECT answer FROM forge_jobs.request WHERE no = $1
