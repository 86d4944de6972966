"""The laws of the house, checked on the syntax trees of the code itself."""
