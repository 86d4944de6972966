"""What the suite makes of figures; nothing is measured here."""
