-- Fires of no schedule, and fires that are later than their schedule's last one.
SELECT NULL, 'schedule ' || fire.schedule || CASE WHEN name IS NULL THEN ' is not there, but has fired'
                                                  ELSE ' has fired later than it knows' END
FROM fire LEFT JOIN schedule ON name = fire.schedule
WHERE name IS NULL OR last_fire_at IS NULL OR fire_at > last_fire_at
GROUP BY fire.schedule, name
LIMIT ?1
