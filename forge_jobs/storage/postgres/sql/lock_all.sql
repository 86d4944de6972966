-- Lets nobody else write until the transaction is over; reading goes on.
LOCK TABLE forge_jobs.schedule, forge_jobs.job, forge_jobs.queue, forge_jobs.host IN SHARE ROW EXCLUSIVE MODE
