"""A worker: one job at a time, one database connection, one thread.

It never heartbeats: the parent knows from the kernel who is alive.
"""
