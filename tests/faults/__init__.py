"""Machines that try to break the promises, and the checker that would notice."""
