-- Answers a question.
UPDATE request SET answer = ? WHERE no = ?
