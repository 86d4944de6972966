-- Takes or renews the leader's lease unless another holder's still runs in this boot.
INSERT INTO leader (one, holder, boot_id, until) VALUES (1, ?1, ?2, ?3)
ON CONFLICT (one) DO UPDATE SET holder = ?1, boot_id = ?2, until = ?3
WHERE holder = ?1 OR boot_id <> ?2 OR until <= ?4 OR holder NOT IN (SELECT value FROM json_each(?5))
RETURNING holder
