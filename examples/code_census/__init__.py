"""A census of Python source files, taken by a farm of processes and checked against one process.

Run it from the root of the project: ``python -m examples.code_census [DIRECTORY...]``.
"""
