"""Values and rules of a job queue. Nothing here does input or output, reads a clock or draws a random number."""
