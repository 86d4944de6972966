-- Removes old questions and their answers.
DELETE FROM request WHERE asked_at < ?
