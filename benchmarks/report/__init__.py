"""What is made of the figures: tables, plots, the README's part, and what has become worse since another run."""
