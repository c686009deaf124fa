"""One module per HTTP route."""
