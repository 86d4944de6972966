-- Jobs that run or have run and were never started, and jobs with more attempts than they may have: none is left to those
-- that wait.
SELECT id, status || ' with ' || attempts || ' of ' || max_attempts || ' attempts' FROM job
WHERE attempts < CASE WHEN status IN ('in_progress', 'done', 'failed') THEN 1 ELSE 0 END
   OR attempts > CASE WHEN status IN ('pending', 'failed') THEN max_attempts - 1 ELSE max_attempts END
LIMIT ?1
