-- Stores what is left in a bucket. (The write lock is held since it was read.)
UPDATE rate_limit SET tokens = ?, refilled_at = max(refilled_at, ?) WHERE scope = ?
