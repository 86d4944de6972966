-- Gives a claim back that was never started, attempt and all: its job is ready again in its old place in line, and has its
-- places of limits still. Only of the claim that is named, and not if it is to be cancelled.
UPDATE job
SET status = 'pending', gate = 0, attempts = attempts - 1, crashes = ?, started_at = NULL
WHERE seq = ? AND process_id = ? AND claim_no = ? AND status = 'in_progress' AND cancel_requested_at IS NULL
RETURNING seq, kind, limit_key
