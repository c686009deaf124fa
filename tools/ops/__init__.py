"""Operators' commands, the same for AWS and for the stack on this machine: `./rentals --help`."""
