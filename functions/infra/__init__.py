"""Plumbing: AWS clients, DynamoDB, time, settings, secrets, telemetry. Knows nothing of rentals."""
