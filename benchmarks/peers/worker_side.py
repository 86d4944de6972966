"""What the workers' commands import: the application of the contestant, on the store, that the environment names."""

import importlib
import os

from benchmarks.peers.running import CONTESTANT, STORE

app = importlib.import_module(os.environ[CONTESTANT]).application(os.environ[STORE])
