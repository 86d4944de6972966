"""Why the figures are what they are: what a job's microseconds go into, and what the design rests on."""
