"""The deployed system on localemu, its hold short, its definitions as on AWS."""

from collections.abc import Iterator

import pytest

from tests.support.shop import FAST
from tools.local.stack import LocalStack, Settings, running
from tools.witness.stack import WitnessStack

HOLD_SECONDS = 30


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The deployed system."""
    settings = Settings.on_free_ports(
        hold_seconds=HOLD_SECONDS, log_dir=tmp_path_factory.mktemp("witness"), **FAST
    )
    with running(settings, kind=WitnessStack) as stack:
        yield stack
