-- Answers a question.
UPDATE forge_jobs.request SET answer = $1 WHERE no = $2
