-- What is known of one minute of a queue's kind, or of all time.
SELECT entry FROM metric WHERE minute = ? AND queue = ? AND kind = ?
