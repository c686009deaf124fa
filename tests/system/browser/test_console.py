"""The operators' console at /console: what became of rentals, and what can be done about it."""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Locator, expect

from rentals import fulfillment
from rentals.numbers import number_of
from tests.support.domain import domain_of
from tests.support.shop import PATIENCE_SECONDS, Shop, eventually
from tests.system.browser.safety import (
    MARKUP,
    expect_no_markup_from_outside,
    expect_security_headers,
)
from tests.system.browser.visitor import Visit, Visitor
from tools.console.aws import PAGE_SIZE
from tools.local.stack import LocalStack, free_port
from tools.ops.words import when
from tools.sources import ROOT

Json = dict[str, Any]


def url_of(shop: Shop, rental_id: str) -> str:
    return f"/console/executions/{quote(shop.execution_arn(rental_id))}"


def list_url(shop: Shop, machine: str = "Rental") -> str:
    name = shop.stack.outputs[f"{machine}StateMachineArn"].rpartition(":")[2]
    return f"/console/machines/{name}"


def state(visitor: Visitor, name: str, status: str) -> Locator:
    """A state of the graph that stands so."""
    return visitor.page.get_by_role("link", name=f"{name}: {status}", exact=True)


def expect_states(visitor: Visitor, **statuses: str) -> None:
    for name, status in statuses.items():
        expect(state(visitor, name, status.replace("_", " "))).to_be_visible()


def confirmed(shop: Shop) -> Json:
    rental = shop.checkout(shop.add_collectible())
    shop.follow(shop.pay(rental))
    shop.wait_for_execution(rental["rental_id"])
    return rental


def cancelled(shop: Shop) -> Json:
    rental = shop.checkout(shop.add_collectible())
    shop.cancel(rental)
    shop.wait_for_execution(rental["rental_id"])
    return rental


def test_a_confirmed_rental(shop: Shop, visitor: Visitor) -> None:
    rental_id = confirmed(shop)["rental_id"]
    row = shop.rental_row(rental_id)

    visitor.page.goto(url_of(shop, rental_id))

    visitor.expect_heading(rental_id)
    expect(visitor.page.locator("#head .status")).to_have_text("Succeeded")
    expect_states(
        visitor,
        AwaitPayment="succeeded",
        ConfirmRental="succeeded",
        RentalConfirmed="succeeded",
        ReleaseUnit="not_reached",
        ClosePaymentSession="not_reached",
    )
    expect(visitor.page.locator(".arrow.is-taken")).to_have_count(6)
    rental = visitor.page.locator("#rental")
    expect(rental).to_contain_text("completed")
    expect(rental).to_contain_text(f"held by this rental {row['unitId']}")
    expect(rental.get_by_role("link", name=row["checkoutSessionId"])).to_have_attribute(
        "href", row["checkoutUrl"]
    )
    expect(visitor.page.get_by_role("link", name="Stop")).to_have_count(0)

    state(visitor, "AwaitPayment", "succeeded").click()
    expect(visitor.page.locator("#state")).to_contain_text(row["paymentId"])

    visitor.page.get_by_role("link", name="Refund").click()
    visitor.expect_heading("Refund this rental?")
    expect(visitor.page.locator("form")).to_contain_text("PHP 6,000.00 of its payment")
    assert visitor.accessibility_violations() == []
    visitor.page.get_by_label("Pesos").fill("500")
    visitor.page.get_by_label("Why").fill("a long wait")
    visitor.page.get_by_role("button", name="Refund").click()
    visitor.page.wait_for_url("**-settlement:*")
    expect(visitor.page.locator("#head .status")).to_have_text("Succeeded")
    for says in ("PHP -500.00, succeeded", "a long wait"):
        expect(rental).to_contain_text(says)


def test_where_a_paid_rental_is_and_what_needs_somebody(shop: Shop, visit: Visit) -> None:
    rental_id = confirmed(shop)["rental_id"]
    shop.wait_for_stage(rental_id, "awaiting_arrival")
    shop.desk(rental_id, "arrived")
    row = shop.wait_for_stage(rental_id, "ready_for_pickup")
    with domain_of(shop.stack):
        fulfillment.flag(rental_id, "ExecutionFailed")
    visitor = visit()

    visitor.page.goto(list_url(shop, "Fulfillment"))
    line = visitor.page.locator("#executions tbody tr", has_text=rental_id)
    for shown in ("ready for pickup", "Makati", when(row["dueAt"]), "ExecutionFailed"):
        expect(line).to_contain_text(shown)
    line.get_by_role("link").first.click()
    expect_states(visitor, AwaitArrival="succeeded", AwaitPickup="in_progress")
    beside = visitor.page.locator("#rental")
    expect(beside).to_contain_text("at store, held by this rental")
    expect(beside).to_contain_text("Ana, Makati")

    visitor.page.get_by_role("link", name="console").click()
    visitor.expect_heading("What needs somebody")
    found = visitor.page.locator("#attention tbody tr", has_text=rental_id)
    expect(found).to_contain_text("its execution failed")
    found.get_by_role("link").click()
    visitor.expect_heading(rental_id)
    expect(visitor.page.get_by_role("heading", name="Fulfillment")).to_be_visible()
    find_in_every_way(visitor, row)
    for page in (list_url(shop, "Fulfillment"), "/console/rentals?stage=ready_for_pickup"):
        for device in (visitor, visit(device="phone", color_scheme="dark")):
            device.page.goto(page)
            assert device.accessibility_violations() == [], page
            device.expect_no_sideways_scrolling()


def find_in_every_way(visitor: Visitor, row: Json) -> None:
    """By words, store, status and day; the customer is found by, and not shown."""
    number = number_of(row["id"])
    customer = row["customer"]
    arrived = when(row["arrivedAt"])[:10]
    found = visitor.page.locator("#rentals tbody tr", has_text=number)
    visitor.page.goto("/console/rentals")
    for words in (number, customer["email"], customer["phone"], row["unitId"], row["id"]):
        visitor.page.get_by_label("Number, name").fill(words)
        visitor.page.keyboard.press("Enter")
        expect(found).to_contain_text("Makati")
    visitor.page.get_by_label("Number, name").fill("cruz")
    for store, stage, day, is_there in (
        ("Makati", "Ready for pickup", arrived, True),
        ("Alabang", "Ready for pickup", arrived, False),
        ("Makati", "Picked up", arrived, False),
        ("Makati", "Ready for pickup", "2026-01-31", False),
    ):
        visitor.page.get_by_label("Store").select_option(label=store)
        visitor.page.get_by_label("Status").select_option(label=stage)
        visitor.page.get_by_label("Day").fill(day)
        visitor.page.get_by_role("button", name="Find").click()
        visitor.page.wait_for_url(re.compile(f"day={day}"))
        expect(found).to_have_count(int(is_there))
        assert customer["name"] not in visitor.page.content()


def test_a_compensated_rental(shop: Shop, visitor: Visitor) -> None:
    rental_id = cancelled(shop)["rental_id"]

    visitor.page.goto(f"{url_of(shop, rental_id)}?state=AwaitPayment")

    expect_states(
        visitor,
        AwaitPayment="caught_error",
        ClosePaymentSession="succeeded",
        WasPaidAfterAll="succeeded",
        ReleaseUnit="succeeded",
        RentalNotPaid="succeeded",
        ConfirmRental="not_reached",
    )
    expect(visitor.page.locator("#state .note")).to_contain_text("PaymentCancelled")
    expect(visitor.page.locator(".arrow.is-taken.is-catch")).to_have_count(1)
    expect(visitor.page.locator("#rental")).to_contain_text("cancelled, cancelled by customer")
    failed = visitor.page.locator("#events tr", has_text="TaskFailed")
    failed.locator("summary").click()
    expect(failed.locator("pre")).to_contain_text("cancelled by the customer")


def test_a_waiting_rental_is_followed_until_it_is_paid(shop: Shop, visitor: Visitor) -> None:
    rental = shop.checkout(shop.add_collectible())
    rental_id = rental["rental_id"]
    visitor.page.goto(url_of(shop, rental_id))
    expect_states(visitor, AwaitPayment="in_progress", ConfirmRental="not_reached")
    expect(visitor.page.locator("#head .status")).to_have_text("Running")
    state(visitor, "AwaitPayment", "in progress").focus()
    visitor.page.evaluate("window.notReloaded = true")

    shop.follow(shop.pay(rental))

    expect(visitor.page.locator("#head .status")).to_have_text("Succeeded")
    expect_states(visitor, AwaitPayment="succeeded", RentalConfirmed="succeeded")
    expect(visitor.page.locator("#live")).to_contain_text("Succeeded")
    expect(visitor.page.locator("#rental")).to_contain_text("completed")
    assert visitor.page.evaluate("window.notReloaded")
    expect(state(visitor, "AwaitPayment", "succeeded")).to_be_focused()


def test_stopping_asks_first_and_works_by_keyboard(shop: Shop, visitor: Visitor) -> None:
    rental_id = shop.checkout(shop.add_collectible())["rental_id"]
    visitor.page.goto(url_of(shop, rental_id))
    visitor.tab_to("a[href$='/stop']")
    visitor.page.keyboard.press("Enter")
    visitor.expect_heading("Stop this execution?")
    assert shop.execution(rental_id)["status"] == "RUNNING"

    visitor.tab_to("button")
    visitor.page.keyboard.press("Enter")

    expect(visitor.page.locator("#head .status")).to_have_text("Aborted")
    expect_states(visitor, AwaitPayment="aborted", ReleaseUnit="not_reached")
    shop.wait_for_status(rental_id, "cancelled")
    settlement = visitor.page.locator("#rental .related li", has_text="Succeeded")
    expect(settlement).to_have_count(1)
    settlement.get_by_role("link").click()
    expect_states(visitor, ClosePaymentSession="succeeded", RentalSettled="succeeded")
    expect(visitor.page.locator("#rental")).to_contain_text("cancelled, stopped")

    visitor.page.goto(f"/console/rentals/{rental_id}/settle")
    visitor.page.get_by_role("button", name="Settle the rental").click()
    visitor.page.wait_for_url("**-settlement:*")
    expect(visitor.page.locator("#head .status")).to_have_text("Succeeded")
    expect(visitor.page.locator("#rental .related li")).to_have_count(2)


def test_a_webhook_is_replayed_three_times_at_once(shop: Shop, visitor: Visitor) -> None:
    rental_id = shop.checkout(shop.add_collectible())["rental_id"]
    visitor.page.goto(url_of(shop, rental_id))
    visitor.page.get_by_role("link", name="Replay an event").click()
    visitor.page.get_by_label("How many").fill("3")
    visitor.page.get_by_role("button", name="Send").click()

    answers = visitor.page.locator(".replayed tbody tr")
    expect(answers).to_have_count(3)
    # At the same moment Step Functions may take more than one answer; the execution goes on once.
    expect(answers.filter(has_text="delivered").first).to_be_visible()
    expect(answers.filter(has_text=re.compile("delivered|recorded|duplicate"))).to_have_count(3)
    visitor.page.get_by_role("link", name="See what the execution does").click()
    expect_states(visitor, RentalConfirmed="succeeded")
    expect(visitor.page.locator("#rental")).to_contain_text("completed")


def test_executions_are_found_by_status_and_by_rental_id(shop: Shop, visitor: Visitor) -> None:
    waiting = shop.checkout(shop.add_collectible())["rental_id"]
    over = cancelled(shop)["rental_id"]
    rows = visitor.page.locator("#executions tbody tr")

    visitor.page.goto(list_url(shop))
    expect(rows.filter(has_text=waiting)).to_contain_text("Running")
    expect(rows.filter(has_text=over)).to_contain_text("cancelled by customer")

    visitor.page.get_by_role("radio", name="Running").check(force=True)
    expect(rows.filter(has_text=waiting)).to_be_visible()
    expect(rows.filter(has_text=over)).to_have_count(0)

    visitor.page.goto(list_url(shop))
    visitor.page.get_by_label("Rental id").fill(over)
    visitor.page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    rows.get_by_role("link").first.click()
    visitor.expect_heading(over)

    visitor.page.goto("/console")
    expect(visitor.page.get_by_role("heading", name="State machines")).to_be_visible()
    visitor.page.get_by_role("link", name="running").first.click()
    visitor.expect_heading("Rental executions")


def test_log_lines_of_a_rental(shop: Shop, visitor: Visitor) -> None:
    rental_id = confirmed(shop)["rental_id"]
    visitor.page.goto(url_of(shop, rental_id))
    visitor.page.get_by_role("link", name="Log lines").click()

    # Lines come to the log a little later than what they tell of.
    line = visitor.page.locator("#log tr", has_text="ConfirmRental")
    eventually(lambda: visitor.page.reload() and line.count(), "a log line of ConfirmRental")


def test_customers_and_task_tokens_are_not_shown(shop: Shop, visitor: Visitor) -> None:
    # Not at the store that has the name of the customer's city.
    rental_id = shop.checkout(shop.add_collectible(), store_id="store-c")["rental_id"]
    row = shop.rental_row(rental_id)
    secret = [*row["customer"].values(), row["taskToken"], row["requestHash"]]

    for page in (url_of(shop, rental_id), f"/console/rentals/{rental_id}/log", list_url(shop)):
        visitor.page.goto(page)
        text = visitor.page.content()
        assert rental_id in text
        assert [each for each in secret if each in text] == []


def test_every_page_is_accessible(shop: Shop, visit: Visit) -> None:
    waiting = shop.checkout(shop.add_collectible())["rental_id"]
    over = cancelled(shop)["rental_id"]
    pages = [
        "/console/",
        list_url(shop),
        f"{list_url(shop)}/definition",
        url_of(shop, waiting),
        f"{url_of(shop, over)}?state=AwaitPayment",
        f"{url_of(shop, waiting)}/stop",
        f"/console/rentals/{over}/log",
        f"/console/rentals/{waiting}/replay",
        f"{list_url(shop)}?q=nothing-like-that",
    ]
    for visitor, seen in (
        (visit(), pages),
        (visit(device="phone", color_scheme="dark"), pages[::2]),
    ):
        for page in seen:
            visitor.page.goto(page)
            assert visitor.accessibility_violations() == [], page
            visitor.expect_no_sideways_scrolling()
        visitor.expect_failures_of("/console/")
        visitor.page.goto("/console/executions/no-such-execution")
        visitor.expect_heading("That did not work")
        assert visitor.accessibility_violations() == []


# --- executions of any state machine ---


@pytest.fixture(scope="module")
def machine(stack: LocalStack) -> Iterator[str]:
    """The ARN of a machine of somebody else's, whose words are markup."""
    client = stack.client("stepfunctions")
    definition = {
        "Comment": MARKUP,
        "StartAt": MARKUP,
        "States": {
            MARKUP: {"Type": "Pass", "Comment": MARKUP, "Next": "Broken"},
            "Broken": {"Type": "Fail", "Error": MARKUP, "Cause": MARKUP},
        },
    }
    arn = client.create_state_machine(
        name=f"other-{uuid.uuid4().hex[:8]}",
        definition=json.dumps(definition),
        roleArn=client.describe_state_machine(
            stateMachineArn=stack.outputs["RentalStateMachineArn"]
        )["roleArn"],
    )["stateMachineArn"]
    yield arn
    client.delete_state_machine(stateMachineArn=arn)


def test_markup_in_an_execution_is_text(shop: Shop, visitor: Visitor, machine: str) -> None:
    execution = shop.stepfunctions.start_execution(
        stateMachineArn=machine,
        name="it's(onerror=alert)",
        input=json.dumps({"rental_id": MARKUP, MARKUP: [MARKUP]}),
    )["executionArn"]
    eventually(
        lambda: shop.stepfunctions.describe_execution(executionArn=execution)["status"] == "FAILED",
        "the execution to fail",
    )

    name = machine.rpartition(":")[2]
    for page in (f"/executions/{quote(execution)}", f"/machines/{name}"):
        visitor.page.goto(f"/console{page}")
        expect_no_markup_from_outside(visitor)
    visitor.page.goto(f"/console/executions/{quote(execution)}?state={quote(MARKUP)}")
    expect(visitor.page.locator("#state-name")).to_have_text(MARKUP)
    expect_states(visitor, Broken="failed")
    expect_no_markup_from_outside(visitor)


def test_more_executions_than_a_page_holds(shop: Shop, visitor: Visitor, machine: str) -> None:
    for _ in range(PAGE_SIZE + 1):
        shop.stepfunctions.start_execution(stateMachineArn=machine)
    rows = visitor.page.locator("#executions tbody tr")

    visitor.page.goto(f"/console/machines/{machine.rpartition(':')[2]}")
    expect(rows).to_have_count(PAGE_SIZE)
    first = rows.first.get_by_role("link").first.inner_text()
    visitor.page.get_by_role("link", name="Older").click()
    expect(rows.first).not_to_contain_text(first)
    visitor.page.get_by_role("link", name="Newest").click()
    expect(rows).to_have_count(PAGE_SIZE)


# --- by itself, on any endpoint ---


@contextmanager
def console_of(stack: LocalStack, *options: str) -> Iterator[httpx.Client]:
    """`./rentals console` on this stack's endpoint."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'functions'}{os.pathsep}{ROOT}",
        **stack.settings.client_environment,
    }
    command = [
        *(sys.executable, "-m", "tools.cli", "console", "--port", str(port)),
        *options,
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as client:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    client.get("/")
                    break
                except httpx.ConnectError:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def test_a_read_only_console_of_another_endpoint(shop: Shop, stack: LocalStack) -> None:
    rental_id = shop.checkout(shop.add_collectible())["rental_id"]

    with console_of(stack, "--read-only") as console:
        page = console.get(url_of(shop, rental_id))
        others = [
            console.get(url).status_code
            for url in (
                "/console/",
                list_url(shop),
                f"/console/rentals/{rental_id}/log",
                "/console/rentals?q=nobody@example.com",
            )
        ]
        stopping = console.post(f"{url_of(shop, rental_id)}/stop", data={"form_token": "x"})
        settling = console.post(f"/console/rentals/{rental_id}/settle", data={"form_token": "x"})

    assert [page.status_code, *others] == [200] * 5
    expect_security_headers(page.headers)
    assert "Read-only" in page.text
    assert "AwaitPayment: in progress" in page.text
    assert f"{url_of(shop, rental_id)}/stop" not in page.text
    assert "/checkout/cs_" not in page.text  # whoever has the link can pay
    assert (stopping.status_code, settling.status_code) == (403, 403)
    assert shop.execution(rental_id)["status"] == "RUNNING"
    assert shop.settlements_of(rental_id) == []
