-- Removes entries that are folded, in the same transaction.
DELETE FROM metric_entry WHERE no <= ?
