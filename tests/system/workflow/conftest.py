"""One local stack for all workflow tests; each test brings its own collectible and customers.

Functions call AWS and PayMongo through recorders: what they really use is compared with what they
are allowed (tests/system/permissions), and held to a budget (test_call_budgets.py).
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.recording import record
from tests.support.recording.executions import uses_of_state_machines
from tests.support.recording.record import Record
from tests.support.recording.recorder import (
    EngineRecorder,
    PayMongoRecorder,
    RecordedStack,
    logical_names,
    uses_of_functions,
)
from tests.support.shop import FAST, Shop
from tests.system.workflow.second_engine import cannot_run
from tools.local.stack import LocalStack, Settings, running
from tools.witness.stack import WitnessStack

_HERE = Path(__file__).parent
_this_run = Record()

ENGINES = {"ministack": LocalStack, "localemu": WitnessStack}


@pytest.fixture(scope="session")
def recorded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RecordedStack]:
    """The deployed system, IAM enforced, with the PayMongo sandbox."""
    settings = Settings.on_free_ports(
        hold_seconds=600, log_dir=tmp_path_factory.mktemp("stack"), **FAST
    )
    with (
        EngineRecorder(settings.aws_port) as engine,
        PayMongoRecorder(settings.paymongo_port) as paymongo,
    ):
        recorded = replace(
            settings,
            function_endpoint_url=engine.url,
            parameters={"PayMongoApiUrl": paymongo.url},
        )
        _this_run.fingerprint = record.fingerprint()
        kind = ENGINES[request.config.getoption("engine")]
        with running(recorded, kind=kind) as stack:
            yield RecordedStack(stack, engine, paymongo)
            assert Shop(stack).lasting_violations(is_whole=True) == []
            if kind is WitnessStack:
                return  # it enforces no IAM: the record is MiniStack's
            names = logical_names(stack)
            _this_run.uses = uses_of_functions(engine.calls(), names)
            _this_run.uses += uses_of_state_machines(stack, names)
        left = Path(tempfile.gettempdir()).glob(f"ministack-*-{settings.aws_port}")
        assert list(left) == [], "the engine left files behind"


@pytest.fixture(scope="session")
def stack(recorded: RecordedStack) -> LocalStack:
    """The deployed system."""
    return recorded.stack


# --- the record of the run ---


def pytest_addoption(parser: pytest.Parser) -> None:
    """See test_call_budgets.py."""
    parser.addoption(
        "--engine", choices=ENGINES, default="ministack", help="localemu: see docs/witness.md"
    )
    parser.addoption(
        "--write-counts", action="store_true", help="write tools/measuring/cost/counts.json"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Forget the last run."""
    if not config.option.collectonly and ENGINES[config.option.engine] is LocalStack:
        record.forget()


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Pass over what the engine has no means for, and say why."""
    if ENGINES[config.option.engine] is WitnessStack:
        for item in items:
            if why := cannot_run(item.nodeid):
                item.add_marker(pytest.mark.skip(reason=why))


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """A run of some tests cannot say what the others would have used."""
    _this_run.is_selection |= any(_HERE in item.path.parents for item in items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down which tests there are, and whether that is all of them."""
    mine = [item for item in session.items if _HERE in item.path.parents]
    _this_run.collected = {item.nodeid for item in mine}
    _this_run.is_selection |= any("::" in argument for argument in session.config.args)
    _this_run.is_selection |= not {item.path for item in mine} >= set(_HERE.glob("test_*.py"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down which tests ran well, their tear-down included."""
    if report.when == "call" and report.passed:
        _this_run.passed.add(report.nodeid)
    elif report.failed:
        _this_run.passed.discard(report.nodeid)


def pytest_sessionfinish() -> None:
    """Save the record."""
    _this_run.passed &= _this_run.collected
    if _this_run.uses:
        record.save(_this_run)
