"""From the repository to what is deployed, and to what is generated from it."""
