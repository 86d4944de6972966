"""What the storage ports promise, stated once and run on every kind of database: see ``tests/support/backends.py``.

Nothing in this folder knows which database it runs on.
"""
