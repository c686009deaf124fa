"""By what names programs and browsers reach this machine, and nobody else does."""

LOOPBACK = ["127.0.0.1", "localhost", "::1"]
