-- Whether the entries up to a number are those that were read: another leader may have folded them, and then new ones
-- have their numbers.
SELECT count(*), sum(at) FROM metric_entry WHERE no <= ?
