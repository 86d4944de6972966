-- The answer to a question, if there is one yet.
SELECT answer FROM request WHERE no = ?
