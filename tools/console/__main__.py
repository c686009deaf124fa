"""`python -m tools.console`, which is `./rentals console`."""

import sys

from tools.cli.app import app

if __name__ == "__main__":
    app(["console", *sys.argv[1:]], prog_name="python -m tools.console")
