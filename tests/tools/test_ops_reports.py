"""What operators are told, from rows, histories and messages alone."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from infra.clock import now_timestamp
from rentals import given_back
from rentals.charges import Charge, ChargeKind, ChargeStatus
from rentals.given_back import Purpose
from rentals.models import Rental
from rentals.numbers import number_of
from rentals.statement import Statement
from tests.support.rows import NOW, ago, row
from tools.cli import rental, replaying, text
from tools.cli.app import app
from tools.cli.session import Session
from tools.ops import (
    attention,
    dossier,
    facts,
    finding,
    history,
    logs,
    queues,
    rows,
    settling,
    smoke,
    words,
)
from tools.ops.attention import Finding
from tools.ops.errors import CommandError, NotUnderstood
from tools.ops.executions import Execution
from tools.ops.finding import Lists
from tools.ops.logs import LogLine
from tools.ops.target import Target
from tools.replay.running import Outcome
from tools.replay.samples import load
from tools.replay.sending import Answer
from tools.sources import ROOT

Json = dict[str, Any]


def findings(*found: Json) -> list[Finding]:
    return list(attention.of_rentals(found, NOW))


# --- attention ---


@pytest.mark.parametrize(
    "healthy",
    [
        row(),
        row(createdAt=ago(minutes=19), holdExpiresAt=ago(minutes=4)),
        row(paymentStatus="refunded", followUp="refund", refundRequestedAt=ago(days=3)),
        row(paymentStatus="expired", paymentId="pay_1", checkoutSessionId="cs_1"),
        row(paymentStatus="expired", checkoutSessionId="cs_1", sessionClosedAt=ago(minutes=1)),
    ],
    ids=["waiting", "just over", "refund under way", "late money being settled", "once more"],
)
def test_what_is_on_its_way_needs_nobody(healthy: Json) -> None:
    assert findings(healthy) == []


@pytest.mark.parametrize(
    ("stuck", "problem"),
    [
        (row(attention="RefundFailed", paymentStatus="expired"), "RefundFailed"),
        (row(createdAt=ago(hours=1), holdExpiresAt=ago(minutes=6)), "pending past its hold"),
        (row(createdAt=ago(minutes=21)), "pending past its hold"),
        (row(createdAt=ago(minutes=21), paymentId="pay_1"), "paid, not completed"),
        (
            row(paymentStatus="expired", checkoutSessionId="cs_1", endedAt=ago(minutes=1)),
            "ended, can still be paid",
        ),
        (row(followUpAt=ago(minutes=11)), "follow-up overdue"),
        (
            row(paymentStatus="refunded", followUp="refund", refundRequestedAt=ago(days=15)),
            "refund pending for weeks",
        ),
    ],
)
def test_what_is_stuck_is_found_and_comes_with_advice(stuck: Json, problem: str) -> None:
    (finding,) = findings(stuck)

    assert finding.problem == problem
    assert finding.subject == "rental-1"
    assert finding.advice


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("DeliveryLate", "not at its store in time"),
        ("Overdue", "not brought back"),
        ("NotInspected", "not inspected"),
        ("ExecutionFailed", "its execution failed"),
        ("mail_bounced", "a mail came back"),
        ("mail_not_sent", "a mail was not sent"),
        ("CarriedOver", "where is it?"),
        ("ChargeUnpaid", "a charge is not paid"),
        ("PaymentDisputed", "a payment is disputed"),
        ("of another kind", "of another kind"),
    ],
)
def test_a_paid_rental_that_needs_somebody_is_told_in_words(problem: str, words: str) -> None:
    times = dict.fromkeys(("readyBy", "dueAt", "returnedAt", "arrivedAt"), ago(days=2))
    out = row(fulfillmentStatus="picked_up", fulfillmentAttention=problem, **times)

    (finding,) = attention.of_fulfillment([out, row(fulfillmentStatus="picked_up")])

    assert (finding.subject, finding.status, finding.problem) == ("rental-1", "picked_up", words)
    section = re.findall('"(.+)"', finding.advice)[0]
    sections = (ROOT / "docs" / "runbook.md").read_text()
    assert section == problem or f"\n## {section}\n" in sections


@pytest.mark.parametrize(
    ("body", "rental_id"),
    [
        ({"detail": {"name": "r-1-x", "input": '{"rental_id": "r-1"}'}}, "r-1"),
        ({"rental_id": "r-1", "execution_status": "ABORTED"}, "r-1"),
        ({"detail": {"name": "r-1", "status": "ABORTED"}}, "r-1"),
        ({"detail": {}}, None),
        ({"input": "not json"}, None),
        ([], None),
        ({"rental_id": 5}, None),
    ],
)
def test_the_rental_of_a_message_is_found_however_it_came(body: Any, rental_id: str | None) -> None:
    assert queues.rental_of(json.dumps(body)) == rental_id
    assert queues.rental_of("no json at all") is None


# --- histories ---


def event(seconds: float, kind: str, **details: Any) -> Json:
    return {"type": kind, "timestamp": NOW + timedelta(seconds=seconds), **details}


def entered(seconds: float, state: str) -> Json:
    return event(seconds, "TaskStateEntered", stateEnteredEventDetails={"name": state})


def numbered(*events: Json) -> list[Json]:
    return [each | {"id": number} for number, each in enumerate(events, start=1)]


UNAVAILABLE = {
    "error": "PaymentProviderUnavailable",
    "cause": json.dumps({"errorType": "...", "errorMessage": "retrieve checkout session: 503"}),
}
HISTORY = numbered(
    event(0, "ExecutionStarted"),
    entered(0, "ClosePaymentSession"),
    event(0, "TaskScheduled"),
    event(1, "TaskFailed", taskFailedEventDetails={"error": "PaymentProviderUnavailable"}),
    event(3, "TaskScheduled"),
    event(4, "TaskFailed", taskFailedEventDetails=UNAVAILABLE),
    event(8, "TaskScheduled"),
    event(9, "TaskSucceeded"),
    event(9, "TaskStateExited", stateExitedEventDetails={"name": "ClosePaymentSession"}),
    entered(9, "ReleaseUnit"),
    event(9, "TaskScheduled"),
    event(10, "TaskTimedOut", taskTimedOutEventDetails={"error": "States.Timeout"}),
    entered(10, "FlagForAttention"),
    event(10, "TaskScheduled"),
)


def test_a_history_becomes_states_with_attempts_and_errors() -> None:
    closed, released, flagged = history.read(HISTORY).visits

    assert (closed.state, len(closed.attempts), closed.seconds(NOW)) == (
        "ClosePaymentSession", 3, 9,
    )  # fmt: skip
    assert closed.errors == ["PaymentProviderUnavailable"] * 2
    assert closed.why == "retrieve checkout session: 503"
    assert (released.errors, released.left_at) == (
        ["States.Timeout"],
        NOW + timedelta(seconds=10),
    )
    assert flagged.left_at is None
    assert flagged.seconds(NOW + timedelta(seconds=15)) == 5


def test_the_last_state_of_an_execution_that_is_over_is_over() -> None:
    *_, flagged = history.read(numbered(*HISTORY, event(12, "ExecutionAborted"))).visits

    assert flagged.seconds(NOW + timedelta(hours=1)) == 2


FAILED = Execution(
    arn="arn:aws:states:r:1:execution:shop-settlement:rental-1-operator",
    status="FAILED",
    started_at=NOW,
    stopped_at=None,
    input='{"rental_id": "rental-1"}',
    error="NeedsAttention",
    cause="Rental rental-1 could not be settled: RefundFailed",
    visits=history.read(HISTORY).visits,
)


def printed(*parts: Any) -> str:
    text = io.StringIO()
    console = Console(file=text, width=160)
    for each in parts:
        console.print(each)
    return text.getvalue()


def test_a_timeline_shows_what_went_wrong_and_how_often() -> None:
    shown = printed(text.timeline(FAILED, NOW + timedelta(seconds=12)))

    assert "Settlement execution FAILED" in shown
    assert "PaymentProviderUnavailable x2" in shown
    assert "could not be settled: RefundFailed" in shown
    assert "2.0 s …" in shown  # 12 s from the start, and entered after 10
    ended = printed(text.timeline(replace(FAILED, stopped_at=NOW), NOW + timedelta(hours=1)))
    assert "…" not in ended
    assert json.dumps(FAILED.to_json())


def test_a_dossier_shows_nobody_unless_asked_to() -> None:
    item = row(
        customer={"name": "Ana Cruz", "email": "ana@example.com"},
        paymentUrl="https://pay.example/cs_1",
        taskToken="token",
        requestHash="f00d",
        surplusPaymentIds={"pay_3", "pay_2"},
    )
    money = Statement(Rental.from_row(row()))
    found = dossier.Dossier(
        rows.plain(item), None, [], money, [], None, None, "PayMongo answered 500", [], {}
    )

    without = printed(rental.render(found, personal_data=False, now=NOW))
    with_ = printed(rental.render(found, personal_data=True, now=NOW))

    for shown in (without, json.dumps(found.to_json(personal_data=False))):
        assert not any(each in shown for each in ("Ana", "ana@", "pay.example", "token", "f00d"))
    assert "Ana Cruz" in with_
    assert "https://pay.example/cs_1" in with_
    assert "pay_2, pay_3" in with_
    assert "PayMongo answered 500" in without
    assert "taskToken" not in json.dumps(found.to_json(personal_data=True))


def charge_of_late_return() -> Charge:
    return Charge(
        id="rental-1-late-1",
        rental_id="rental-1",
        kind=ChargeKind.LATE,
        centavos=150_000,
        status=ChargeStatus.OPEN,
        created_at=ago(hours=2),
        updated_at=ago(hours=2),
        reason="came back late",
        by="clock",
    )


def test_a_paid_rental_is_shown_with_its_stage_desk_and_notices_in_manila_time() -> None:
    item = row(
        paymentStatus="completed",
        **PAID,
        deposit=1000,
        paidAt="2026-11-18T03:00:00.000Z",
        refundOrders=[
            given_back.Order(
                "goodwill-1", Purpose.GOODWILL, 50_000, ago(days=1), "liza", "pay_1", "a wait"
            ).entry(),
        ],
        refundsSeen={f"pay_1#ref_9#12550#succeeded#{ago(days=2)}#"},
        fulfillmentStatus="picked_up",
        pickedUpAt="2026-11-20T03:00:00.000Z",
        dueAt="2026-11-24T15:59:59.000Z",
        fulfillmentAttention="Overdue",
        fulfillmentToken="token",
        unitId="unit-1",
        deskLog=[
            {"action": "picked_up", "at": "2026-11-20T03:00:00.000Z", "by": "ben", "note": "[ID]"}
        ],
    )
    notice = {"kind": "overdue", "status": "bounced", "createdAt": ago(hours=1), "problem": "full"}
    unit = {"id": "unit-1", "status": "with_customer", "reservedBy": "rental-1"}
    money = Statement(Rental.from_row(item), [charge_of_late_return()])
    found = dossier.Dossier(
        item, unit, [notice], money, [], None, None, None, [], {"store-a": "Makati"}
    )

    shown = printed(rental.render(found, personal_data=True, now=NOW))

    for says in (
        number_of("rental-1"),
        "picked up, overdue, since 2026-11-20 11:00:00",
        "2026-11-24 23:59:59",
        "with customer, held by this rental (unit-1)",
        "Makati (store-a)",
        "[ID]",
        "full",
        # Money: who, when and why.
        "outstanding PHP 1,500.00, deposit held PHP 1,000.00, given back PHP 125.50",
        "PHP 5,000.00",
        "back: goodwill",
        "liza",
        "a wait",
        "back: at the dashboard",
        "came back late",
    ):
        assert says in shown
    assert "token" not in shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "40 ms"), (59, "59.0 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (200_000, "2 d 7 h")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_lengths_of_time_are_understood_or_explained() -> None:
    assert [words.seconds_of(each) for each in ("90s", "30m", "2h", "1d")] == [
        90, 1800, 7200, 86_400,
    ]  # fmt: skip
    for wrong in ("", "h", "2", "2w", "-1h", "1.5h"):
        with pytest.raises(NotUnderstood, match="no length of time"):
            words.seconds_of(wrong)


# --- refunds ---

PAID = {"paymentId": "pay_1", "amountPaid": 600_000, "paymentCurrency": "PHP"}


def test_a_refund_of_a_completed_rental_must_be_asked_for() -> None:
    item = row(paymentStatus="completed", **PAID)

    assert settling.must_request_refund(item)
    assert "PHP 6,000.00" in rental.refund_question(item)


def test_what_paymongo_no_longer_gives_back_is_said_before_it_is_asked() -> None:
    item = row(paymentStatus="completed", **PAID, paidWith="gcash", paidAt="2020-01-01T00:00:00Z")

    assert "PayMongo will refuse it" in rental.refund_question(item)
    assert "PayMongo" not in rental.refund_question(item | {"paidAt": now_timestamp()})


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"fulfillmentStatus": "awaiting_arrival", "unitId": "u-1"}, "cancelled, and unit u-1"),
        ({"fulfillmentStatus": "ready_for_pickup", "unitId": "u-1"}, "cancelled, and unit u-1"),
        ({"fulfillmentStatus": "picked_up", "unitId": "u-1"}, "money only: the rental goes on"),
        ({"fulfillmentStatus": "returned", "unitId": "u-1"}, "money only: the rental goes on"),
        ({"fulfillmentStatus": "closed"}, "money only: the rental is closed"),
    ],
)
def test_what_a_full_refund_does_besides_depends_on_where_the_unit_is(
    item: Json, says: str
) -> None:
    assert says in rental.refund_question(row(paymentStatus="completed", **PAID, **item))


@pytest.mark.parametrize(
    "item",
    [
        row(paymentStatus="expired", **PAID),
        row(paymentStatus="completed", refundRequestedAt=ago(minutes=1), **PAID),
        row(paymentStatus="expired", **PAID | {"paymentCurrency": "USD"}),
    ],
)
def test_money_that_is_on_its_way_back_only_needs_a_settlement(item: Json) -> None:
    assert not settling.must_request_refund(item)
    assert rental.refund_question(item)


@pytest.mark.parametrize(
    "item",
    [
        row(),
        row(paymentStatus="refunded", refundStatus="succeeded", **PAID),
        row(paymentStatus="completed", importedAt=ago(minutes=1), **PAID),
    ],
)
def test_without_money_of_ours_there_is_nothing_to_give_back(item: Json) -> None:
    with pytest.raises(CommandError):
        settling.must_request_refund(item)


# --- what is sent to another program ---


@pytest.mark.parametrize(("is_terminal", "kept"), [(True, 2_000), (False, 5_000)])
def test_a_replayed_answer_is_whole_and_on_one_line_for_other_programs(
    is_terminal: bool, kept: int, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = Answer("200", "x" * 5_000, 0.1)
    outcome = Outcome(load("PostQuoteFunction/week"), [answer], None, None, [], {})

    Session(Target()).show({}, *replaying.render(outcome, is_terminal=is_terminal))

    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"200 {'x' * kept}  0.10 s"


def test_the_api_that_an_alarm_watches_is_told_by_its_name() -> None:
    ours: Json = {
        "Namespace": "AWS/ApiGateway",
        "Dimensions": [{"Name": "ApiName", "Value": "shop"}],
    }
    alarms: list[Json] = [
        ours | {"AlarmName": "errors"},
        {"AlarmName": "nameless", "Namespace": "AWS/ApiGateway", "Dimensions": []},
        {"AlarmName": "computed", "Metrics": []},
        {"AlarmName": "holds", "Namespace": "MongoCollectibles/shop", "Dimensions": []},
    ]

    assert smoke.watched_apis(alarms) == {"errors": "shop", "nameless": None}


# --- following the log ---


def log_line(message: str, **past: float) -> LogLine:
    return LogLine(datetime.now(UTC) - timedelta(**past), "ReserveUnit", "INFO", message, {})


def test_a_followed_log_gives_each_line_once_and_late_ones_too() -> None:
    start = datetime.now(UTC) - timedelta(minutes=10)
    old, early, late = (
        log_line("old", minutes=5),
        log_line("early", seconds=1),
        log_line("late", seconds=2),
    )
    pages = [[old, early], [early], [late, early]]
    asked: list[datetime] = []

    def read(since: datetime) -> list[LogLine]:
        asked.append(since)
        return pages.pop(0)

    lines = logs.follow(read, start, poll_seconds=0)

    assert [next(lines).message for _ in range(3)] == ["old", "early", "late"]
    assert asked[0] == start
    assert asked[1] < early.at  # what is new is looked for among what is known


def test_a_log_is_followed_until_it_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [log_line("reserved")]

    def recent(*_: object, **__: object) -> list[LogLine]:
        if not lines:
            raise KeyboardInterrupt
        return [lines.pop()]

    monkeypatch.setattr(logs, "recent", recent)
    monkeypatch.setattr("time.sleep", lambda _: None)

    followed = CliRunner().invoke(app, ["log", "--follow", "--json"])

    assert followed.exit_code == 0
    assert json.loads(followed.stdout)["message"] == "reserved"


def test_a_moment_of_another_day_has_its_date() -> None:
    now = datetime.now(UTC)

    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", text.moment(now))
    assert text.moment(datetime(2026, 1, 31, 10, 20, 30, 456_000, UTC)) == "2026-01-31 18:20:30.456"


@pytest.fixture
def another_zone() -> Iterator[None]:
    words.choose_zone("UTC")
    yield
    words.choose_zone(words.MANILA)


def test_times_and_days_are_those_of_manila_or_of_the_zone_that_was_chosen() -> None:
    assert words.zone() == "Manila"
    assert words.when("2026-11-27T20:00:00.000Z") == "2026-11-28 04:00:00"
    assert words.day("2026-11-28") == ("2026-11-27T16:00:00.000Z", "2026-11-28T16:00:00.000Z")
    for wrong in ("", "28.11.2026", "2026-13-01"):
        with pytest.raises(NotUnderstood, match="is no day"):
            words.day(wrong)


@pytest.mark.usefixtures("another_zone")
def test_another_zone_is_chosen_for_all_times_but_those_of_the_shop_s_books() -> None:
    assert words.zone() == "UTC"
    assert words.when("2026-11-27T20:00:00.000Z") == "2026-11-27 20:00:00"
    assert words.manila("2026-11-27T20:00:00.000Z") == "2026-11-28 04:00:00"
    assert words.day("2026-11-28") == ("2026-11-28T00:00:00.000Z", "2026-11-29T00:00:00.000Z")


def test_one_is_not_many() -> None:
    assert [words.counted(each, "row") for each in (0, 1, 1200)] == [
        "0 rows",
        "1 row",
        "1,200 rows",
    ]


def test_lists_of_stores_are_asked_for_a_stage_and_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []

    def look_up(_: Target, key: str, entries: Any) -> list[str]:
        asked.append((key, entries))
        return [key]

    monkeypatch.setattr(rows, "looked_up", look_up)
    now = now_timestamp()

    found = [
        finding.listed(Target(), Lists(["store-a", "store-b"], stage, day))
        for stage, day in (("returned", "2026-11-28"), ("overdue", ""), ("overdue", "2999-01-01"))
    ]

    day = ("2026-11-27T16:00:00.000Z", "2026-11-28T16:00:00.000Z")
    assert sorted(asked[:2]) == [
        ("store#store-a#returned", day),
        ("store#store-b#returned", day),
    ]
    (overdue, (_, until)), _ = sorted(asked[2:])
    assert overdue == "store#store-a#picked_up"
    assert now <= until <= now_timestamp()
    assert found[2] == []  # what is due then is not overdue
    assert len(finding.listed(Target(), Lists(["store-a"]))) == 4


# --- a rental's row in words ---

NAMES = {"store-a": "Makati", "wh-1": "Pasig"}


def told(unit: Json | None = None, **values: Any) -> dict[str, facts.Fact]:
    return {each.name: each for each in facts.facts_of(row(**values), unit, NAMES)}


def test_a_rental_is_told_in_pesos_days_and_names() -> None:
    found = told(
        {"id": "unit-1", "reservedBy": "rental-1", "status": "to_store"},
        unitId="unit-1", warehouseId="wh-1", eta=Decimal(1), duration=1, dailyRate=2000,
        totalFee=2000, deposit=Decimal("500.5"), **PAID, declinedEventIds={"evt_1"},
    )  # fmt: skip

    assert {name: (each.text, each.id) for name, each in found.items()}.items() >= {
        "store": ("Makati", "store-a"),
        "warehouse": ("Pasig, 1 day away", "wh-1"),
        "unit": ("to store, held by this rental", "unit-1"),
        "price": ("PHP 2,000.00: 1 day at PHP 2,000.00", ""),
        "deposit": ("PHP 500.50", ""),
        "payment": ("PHP 6,000.00, gcash", "pay_1"),
        "declined": ("1 time", ""),
    }.items()
    assert not any(each.is_wrong for each in found.values())


def test_what_is_wrong_with_a_rental_is_marked() -> None:
    late = {"fulfillmentStatus": "picked_up", "dueAt": ago(days=1), "pickedUpAt": ago(days=5)}
    found = told(
        {"id": "unit-1", "reservedBy": "rental-2"},
        **late, unitId="unit-1", attention="RefundFailed",
    )  # fmt: skip

    assert {each.name for each in found.values() if each.is_wrong} == {
        "needs somebody", "stage", "unit",
    }  # fmt: skip
    assert found["unit"].text == "held by rental-2"
    assert told(None, unitId="unit-1")["unit"].is_wrong
    assert told(None, lastUnitId="unit-1")["last unit"].id == "unit-1"
    assert "unit" not in told()


def test_money_that_is_not_pesos_is_not_called_pesos() -> None:
    assert facts.amount_paid({"amountPaid": 1250, "paymentCurrency": "USD"}) == "12.5 USD"
