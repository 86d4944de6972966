-- Makes room for the sums, in the same transaction.
DELETE FROM tally
