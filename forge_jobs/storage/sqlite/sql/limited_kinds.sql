-- The kinds with limits.
SELECT name FROM kind WHERE limited
