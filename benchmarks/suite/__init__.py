"""The scenarios: one module each, with its ``TITLE`` and its ``measure``."""
