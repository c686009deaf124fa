"""`make load`: customers against a local stack or a deployed one, ending with the promise."""
