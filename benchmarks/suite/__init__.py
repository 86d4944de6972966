"""What is measured: each module is one scenario, with a ``TITLE`` and a ``measure``."""
