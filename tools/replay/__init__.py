"""Sample events, filled in for a running stack and sent: `./rentals replay`."""
