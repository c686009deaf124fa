"""Speed, cost, load."""
