"""Plumbing: AWS clients, DynamoDB, time, settings, secrets, telemetry. Knows nothing of rentals."""

import gc

# What a cold start makes stays until the end. By default Python's collector searches it for garbage
# more than a hundred times, a tenth of the time, for nothing (docs/performance.md, Cold start).
gc.set_threshold(100_000)
