"""No network, and settings that a test may change."""

from tests.support.unit import environment, no_network  # noqa: F401 - fixtures
