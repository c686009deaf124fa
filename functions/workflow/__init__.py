"""One module per Task state of the state machines."""
