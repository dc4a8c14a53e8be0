"""How many workers a load needs, by Little's law, and what they take."""
