"""A PayMongo account on this machine, for development and tests (see README.md)."""

from tools.paymongo_sandbox.app import create_app
from tools.paymongo_sandbox.settings import Settings

__all__ = ["Settings", "create_app"]
