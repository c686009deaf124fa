"""`./rentals`, which is `python -m tools.ops`."""

from tools.cli.app import app

if __name__ == "__main__":
    app(prog_name="./rentals")
