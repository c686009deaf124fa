"""`./rentals`, which is `python -m tools.cli`."""

from tools.cli.app import app

if __name__ == "__main__":
    app(prog_name="./rentals")
