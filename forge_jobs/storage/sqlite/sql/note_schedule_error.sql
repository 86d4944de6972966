-- Says why a schedule did not fire.
UPDATE schedule SET last_error = ?2 WHERE name = ?1 AND last_error IS NOT ?2
