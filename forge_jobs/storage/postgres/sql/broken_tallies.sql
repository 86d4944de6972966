-- Queues whose counts of ended jobs are not those of their rows.
SELECT NULL, 'queue ' || queue || ' counts ' || sum(counted) || ' ' || outcome || ' and has ' || sum(there)
FROM (SELECT queue, outcome, sum(change) AS counted, 0 AS there FROM forge_jobs.tally
      WHERE outcome IN ('done', 'dead') GROUP BY queue, outcome
      UNION ALL
      SELECT queue, status, 0, count(*) FROM forge_jobs.job WHERE status IN ('done', 'dead') GROUP BY queue, status) AS counts
GROUP BY queue, outcome
HAVING sum(counted) <> sum(there)
LIMIT $1
