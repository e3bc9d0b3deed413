"""Communities, their groups and what they decide."""
