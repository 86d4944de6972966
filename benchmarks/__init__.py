"""What the design rests on and what the farm delivers, measured. See README.md."""
