"""The second engine: localemu, which runs Step Functions by another interpreter than MiniStack."""
