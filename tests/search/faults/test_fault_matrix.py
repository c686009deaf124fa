"""Units and money agree, whichever call fails, and however."""

import time

import pytest

from tests.search.faults.matrix import Case, Matrix, Result, summary, table
from tests.search.faults.proxy import Call, Fault
from tests.support.report import Report

# CI's share: what is hardest to get right, a write that was committed and whose answer is lost, and
# a function that dies right after it; each call in the first scenario that makes it.
_CI_FAULTS = {Fault.LOST_AFTER_EVERY_TRY, Fault.KILLED_AFTER, Fault.LOST_AFTER}
_READS = {"GetItem", "Query", "Scan", "GetSecretValue", "DescribeExecution"}
_TELL_EVERY = 50


def _share(cases: list[Case]) -> list[Case]:
    first: dict[tuple[Call, Fault], Case] = {}
    for case in cases:
        is_read = case.call.operation in _READS or case.call.target.startswith("GET ")
        if case.fault in _CI_FAULTS and not is_read:
            first.setdefault((case.call, case.fault), case)
    return list(first.values())


def test_promise_holds_whichever_call_fails(
    matrix: Matrix, request: pytest.FixtureRequest, report: Report
) -> None:
    started = time.monotonic()
    every = matrix.cases()
    is_whole = request.config.getoption("--all-faults")
    chosen = every if is_whole else _share(every)
    report.say(f"fault matrix: {len(chosen)} of {len(every)} cases")

    results: list[Result] = []
    for result in matrix.run(chosen):
        results.append(result)
        if result.problems or len(results) % _TELL_EVERY == 0:
            report.say(f"{len(results)} of {len(chosen)} {result.case if result.problems else ''}")

    share = "" if is_whole else "CI's share: writes, answers lost or function killed after them. "
    minutes = (time.monotonic() - started) / 60
    report.section(
        "Fault matrix",
        f"{share}{summary(results, len(every), minutes)}\n\n{table(results)}",
    )
    assert [str(each.case) for each in results if each.problems] == []
    # A fault that never met its call proves nothing.
    assert sum(not each.was_reached for each in results) <= len(results) // 20
