-- Whether the entries up to a number are those that were read: another leader may have folded them, and then new ones
-- have their numbers.
SELECT count(*), sum(max(0, min(CAST(at AS INTEGER), 9007199254740992))) FROM metric_entry WHERE no <= ?
