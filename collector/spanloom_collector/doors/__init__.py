"""Where spans come in: one door for each protocol, before one receiver."""
