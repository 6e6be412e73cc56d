"""Real brokers, the links to them, the nodes beside them, and what is done to all three."""
