"""`make scaling`: the page says what the command computes, from files that agree with the code."""

import pytest

from tools.measuring.cost import model
from tools.measuring.quotas import QUOTAS
from tools.measuring.scaling import limits, page
from tools.sources import ROOT


@pytest.mark.parametrize("name", ["scaling.md", "limits.svg", "cold-start.svg"])
def test_the_page_is_what_the_command_writes(name: str) -> None:
    written = (ROOT / "docs" / name).read_text()

    assert written == page.files()[name], "run python -m tools.measuring.scaling"


def test_a_checkout_uses_what_a_rental_was_recorded_to_use() -> None:
    """Two starts for a paid one, none for one that is refused, one for the others."""
    endings = model.assumptions()["usage"]["endings"]

    assert limits.calls("StartExecution") == pytest.approx(1 + endings["paid"] - endings["refused"])
    assert limits.invocations("PostCheckout") == pytest.approx(1)


def test_every_quota_is_a_limit() -> None:
    """But bursts; what one function may be asked is never less than what may run at once; a table's
    reads are far from its writes; and no rule has a target on our bus.
    """
    computed = {each.quota for each in limits.all_limits()}
    rates = {name for name in QUOTAS if not name.endswith("burst")}

    assert rates - computed == {
        "Lambda, requests",
        "DynamoDB, reads of a new table",
        "DynamoDB, reads of a table",
        "EventBridge, deliveries to targets",
    }


def test_what_is_full_first_comes_first() -> None:
    found = [each.full_at for each in limits.all_limits()]

    assert found == sorted(found)
    assert all(each > 0 for each in found)
