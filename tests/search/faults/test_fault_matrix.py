"""Units and money agree, whichever call fails, and however."""

import time
from zlib import crc32

import pytest

from tests.search.faults.matrix import Case, Matrix, Result, summary, table
from tests.search.faults.proxy import Call, Fault
from tests.support.report import Report

# CI's share: what is hardest to get right, a write that was committed and whose answer is lost
# for the whole invocation; each call in one scenario, half of the calls. Functions that die have
# another test, and interleavings lose as many answers in less time.
_CI_FAULTS = {Fault.LOST_AFTER_EVERY_TRY}
_READS = {"GetItem", "BatchGetItem", "Query", "Scan", "GetSecretValue", "DescribeExecution"}
_TELL_EVERY = 50


def _is_of_the_share(case: Case) -> bool:
    is_read = case.call.operation in _READS or case.call.target.startswith("GET ")
    return case.fault in _CI_FAULTS and not is_read and crc32(str(case.call).encode()) % 2 == 0


def _what(case: Case) -> tuple[Call, Fault]:
    return case.call, case.fault


def test_promise_holds_whichever_call_fails(
    matrix: Matrix, request: pytest.FixtureRequest, report: Report
) -> None:
    started = time.monotonic()
    every = matrix.cases()
    is_whole = request.config.getoption("--all-faults")
    left = every if is_whole else [case for case in every if _is_of_the_share(case)]
    results: list[Result] = []
    while left:
        # In the share, the first scenario that makes a call; if it did so by chance, the next one.
        chosen = left if is_whole else list({_what(case): case for case in reversed(left)}.values())
        report.say(f"fault matrix: {len(chosen)} of {len(every)} cases")
        for result in matrix.run(chosen):
            results.append(result)
            if result.problems or len(results) % _TELL_EVERY == 0:
                report.say(f"{len(results)} {result.case if result.problems else ''}")
        made = {_what(each.case) for each in results if each.was_reached or each.was_missed}
        tried = {each.case for each in results}
        left = [case for case in left if case not in tried and _what(case) not in made]

    share = "" if is_whole else "CI's share: half of the writes, their answers lost. "
    minutes = (time.monotonic() - started) / 60
    report.section(
        "Fault matrix",
        f"{share}{summary(results, len(every), minutes)}\n\n{table(results)}",
    )
    assert [str(each.case) for each in results if each.problems] == []
    # A fault that never met its call proves nothing. Calls by chance are another matter: on a busy
    # machine there are more of them, and the record of their tries shows that none was made.
    assert [str(each.case) for each in results if each.was_missed] == []
    assert made
