"""The only room that calls the operating system: forks, signals, waits, descriptors, shared memory, titles."""
