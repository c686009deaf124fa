"""The package as `sam build` makes it, and the local stack running on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.building.build import Package, build_for_lambda, build_for_this_machine
from tools.local.stack import LocalStack, Settings, running


@pytest.fixture(scope="session")
def for_lambda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the package that is deployed: arm64, Lambda's Python."""
    return build_for_lambda(tmp_path_factory.mktemp("lambda") / "build")


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The same for this machine."""
    return build_for_this_machine(tmp_path_factory.mktemp("host") / "build")


@pytest.fixture(scope="session")
def stack(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The deployed system, whose functions have nothing but the package and boto3."""
    settings = Settings.on_free_ports(
        hold_seconds=600,
        log_dir=tmp_path_factory.mktemp("stack"),
        built_package=package,
    )
    with running(settings) as stack:
        yield stack
