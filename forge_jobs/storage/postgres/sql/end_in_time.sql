-- Lets the server end the open transaction, and its session, when nothing has been said in it for so many milliseconds, or
-- no whole request: what it has locked is free again although its program is out of reach.
SELECT set_config('idle_in_transaction_session_timeout', $1, true),
       CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
            THEN set_config('transaction_timeout', $2, true) END
