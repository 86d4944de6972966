-- Lets the open transaction take as long as it takes; older servers know only the first of the two settings.
SELECT set_config('idle_in_transaction_session_timeout', '0', true),
       CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
            THEN set_config('transaction_timeout', '0', true) END
