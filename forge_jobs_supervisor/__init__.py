"""What a machine runs: the supervisor, its workers and its coordinator, and the command ``forge-jobs``.

Three kinds of process, three folders that do not know each other: ``parent``, ``worker``, ``coordinator``. Only
``unix`` calls the operating system, only ``compose`` names concrete classes.
"""
