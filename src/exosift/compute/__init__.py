"""How much the steps need."""
