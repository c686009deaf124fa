"""Units and money agree, whichever call fails, and however."""

import pytest
from rich.console import Console

from tests.faults.matrix import Case, Matrix, print_table
from tests.faults.proxy import Call, Fault

# CI's share: what is hardest to get right, a write that was committed and whose answer is lost, and
# a function that dies right after it; each call in the first scenario that makes it.
_CI_FAULTS = {Fault.LOST_AFTER_EVERY_TRY, Fault.KILLED_AFTER, Fault.LOST_AFTER}
_READS = {"GetItem", "Query", "Scan", "GetSecretValue", "DescribeExecution"}


def _share(cases: list[Case]) -> list[Case]:
    first: dict[tuple[Call, Fault], Case] = {}
    for case in cases:
        if case.fault in _CI_FAULTS and case.call.operation not in _READS:
            first.setdefault((case.call, case.fault), case)
    return list(first.values())


def test_promise_holds_whichever_call_fails(
    matrix: Matrix, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    every = matrix.cases()
    run_all = request.config.getoption("--all-faults")
    chosen = every if run_all else _share(every)

    results = list(matrix.run(chosen))

    with capsys.disabled():
        console = Console(width=160)
        console.print()
        print_table(results, console)
        console.print(f"this run: {len(chosen)} of {len(every)} cases")
    assert [str(each.case) for each in results if each.problems] == []
    # A fault that never met its call proves nothing.
    assert sum(not each.was_reached for each in results) <= len(results) // 20
