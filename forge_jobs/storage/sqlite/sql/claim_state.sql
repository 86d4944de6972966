-- What the named claim's row says now.
SELECT status, cancel_requested_at, attempts, kind, limit_key, max(scheduled_at, enqueued_at)
FROM job WHERE seq = ? AND process_id = ? AND claim_no = ?
