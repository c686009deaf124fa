"""Nothing that is shown to operators names a customer or opens anything."""

import hashlib
import json
import time

import pytest

from api.requests import ACCESS_KEY_HEADER
from tests.support.desk import manager
from tests.support.sandbox import Json
from tests.support.shop import Shop
from tools.local.stack import PAYMONGO_SECRET_KEY, STAFF_EMAIL, STAFF_PASSWORD


@pytest.fixture
def customer() -> Json:
    """Words that appear nowhere else."""
    unique = f"{time.time_ns():x}"
    return {
        "name": f"Namesake {unique}",
        "email": f"inbox-{unique}@example.com",
        "phone": f"+63 9 {str(time.time_ns())[-9:]}",
        "address": f"Street {unique}",
        "city": f"Town {unique}",
        "postal_code": "1234",
    }


def secrets_of(shop: Shop, rental_id: str, customer: Json) -> dict[str, str]:
    """What must not be shown, by what it is."""
    row = shop.rental_row(rental_id)
    signing_key = shop.stack.client("secretsmanager").get_secret_value(
        SecretId="mongocollectibles/url-signing-key"
    )["SecretString"]
    return {
        **{name: value for name, value in customer.items() if name != "postal_code"},
        "PayMongo's key": PAYMONGO_SECRET_KEY,
        "webhook secret": shop.paymongo.webhook_secret,
        "signing key": signing_key,
        "access key": shop.key_of(rental_id)[ACCESS_KEY_HEADER],
        **({"task token": row["taskToken"]} if "taskToken" in row else {}),
    }


def expect_nothing_in(text: str, secrets: dict[str, str], where: str) -> None:
    found = [name for name, value in secrets.items() if value in text]
    assert found == [], f"{where} shows {found}"


def log_lines(shop: Shop, since: float) -> list[str]:
    """Everything that functions wrote to their logs since then."""
    logs = shop.stack.client("logs")
    groups = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate(
            logGroupNamePrefix="/aws/lambda/"
        )
        for group in page["logGroups"]
    ]
    return [
        event["message"]
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since * 1000)
        )
        for event in page["events"]
    ]


def expect_private(shop: Shop, rental_id: str, secrets: dict[str, str], since: float) -> None:
    """Executions, logs, what the API shows of a rental: none of them shows a secret."""
    executions = [shop.execution(rental_id), *shop.settlements_of(rental_id)]
    for execution in executions:
        assert set(json.loads(execution["input"])) <= {"rental_id", "execution_status", "reason"}
        for event in shop.history(execution["executionArn"]):
            shown = dict(event)
            if "taskScheduledEventDetails" in shown:
                # What a callback task sends cannot but carry its token.
                parameters = shown["taskScheduledEventDetails"].get("parameters", "")
                without_token = {k: v for k, v in secrets.items() if k != "task token"}
                expect_nothing_in(parameters, without_token, f"{event['type']}'s parameters")
                del shown["taskScheduledEventDetails"]
            expect_nothing_in(json.dumps(shown, default=str), secrets, event["type"])
    expect_nothing_in(json.dumps(shop.rental(rental_id)), secrets, "the rental's view")
    # Nor is it stored, so `./rentals show` and copies of the tables have none.
    key = {"access key": secrets["access key"]}
    expect_nothing_in(json.dumps(shop.rental_row(rental_id), default=str), key, "the row")
    expect_nothing_in(json.dumps(shop.paymongo.sessions(rental_id)), key, "PayMongo")
    lines = log_lines(shop, since)
    assert any(rental_id in line for line in lines), "the logs tell about the rental"
    expect_nothing_in("\n".join(lines), secrets, "a log")


@pytest.mark.parametrize("outcome", ["paid", "declined", "refunded"])
def test_rental_leaves_no_trace_of_its_customer(shop: Shop, customer: Json, outcome: str) -> None:
    since = time.time()
    collectible = shop.add_collectible()
    rental = shop.checkout(collectible, customer=customer)
    rental_id = rental["rental_id"]
    secrets = secrets_of(shop, rental_id, customer)
    assert "task token" in secrets

    if outcome == "paid":
        shop.follow(shop.pay(rental))
        shop.wait_for_status(rental_id, "completed")
    elif outcome == "declined":
        for _ in range(3):
            shop.on_hosted_page(rental, "failed")
        shop.wait_for_status(rental_id, "failed")
    else:
        shop.follow(shop.leave_hosted_page(rental))
        shop.wait_for_status(rental_id, "cancelled")
    if outcome == "refunded":
        shop.checkout(collectible)
        shop.paymongo.settle(shop.session_id(rental_id))
        shop.wait_for_status(rental_id, "refunded")
    shop.paymongo.wait_until_idle()

    expect_private(shop, rental_id, secrets, since)


def test_trouble_leaves_no_trace_of_the_customer(shop: Shop, customer: Json) -> None:
    """PayMongo's errors may repeat what it was sent."""
    since = time.time()
    shop.paymongo.fault(
        "error_400",
        "create_checkout_session",
        code="parameter_invalid",
        times=None,
        detail=f"billing.email {customer['email']} is not liked",
    )
    rental_id = shop.start_checkout(shop.add_collectible(), customer=customer)
    shop.wait_for_status(rental_id, "failed")

    expect_private(shop, rental_id, secrets_of(shop, rental_id, customer), since)


def test_refused_requests_leave_no_trace_of_the_customer(shop: Shop, customer: Json) -> None:
    """Neither the answer nor the logs repeat what was sent."""
    since = time.time()
    collectible = shop.add_collectible()
    for changes in ({"duration": 0}, {"payment_method": customer["email"]}, {"store_id": "none"}):
        answer = shop.post_checkout(shop.body(collectible, customer=customer, **changes))
        assert 400 <= answer.status_code < 500
        expect_nothing_in(answer.text, customer, "the answer")
    shop.post_webhook(json.dumps(customer).encode(), shop.paymongo.webhook_secret)

    secrets = {name: value for name, value in customer.items() if name != "postal_code"}
    lines = log_lines(shop, since)
    expect_nothing_in("\n".join(lines), {**secrets, "": shop.paymongo.webhook_secret}, "a log")


def test_keys_of_the_customers_table_name_nobody(shop: Shop, customer: Json) -> None:
    shop.checkout(shop.add_collectible(), customer=customer)

    rows = json.dumps(shop.rows("Customers"), default=str)

    hashed = hashlib.sha256(customer["email"].encode()).hexdigest()
    expect_nothing_in(rows, customer | {"postal_code": customer["email"], "": hashed}, "the table")


def test_the_desk_leaves_no_trace_of_the_customer_and_opens_nothing(
    shop: Shop, customer: Json
) -> None:
    since, desk = time.time(), manager(shop)
    rental = shop.checkout(shop.add_collectible(), customer=customer)
    shop.pay_and_complete(rental)
    rental_id = rental["rental_id"]
    note = f"note on {customer['name']}"
    for words in (customer["name"], customer["email"], customer["phone"]):
        assert desk.get("rentals", q=words, store_id="store-a").status_code == 200
    assert desk.details(rental_id)["customer"]["name"] == customer["name"]
    assert desk.do(rental_id, "arrived", store_id="store-a", note=note).status_code == 200
    assert desk.do(rental_id, "found", note=note).status_code == 409
    form = desk.post(f"rentals/{rental_id}/photographs", {}).json()["data"]
    wrong = f"wrong-{customer['name']}"
    assert desk.sign_in(STAFF_EMAIL, wrong).status_code == 401

    secrets = secrets_of(shop, rental_id, customer)
    secrets |= {"note": note, "wrong password": wrong}
    secrets |= {name: desk.session[name] for name in ("id_token", "refresh_token", "name")}
    secrets |= {"password": STAFF_PASSWORD, "signature": form["fields"]["x-amz-signature"]}
    expect_private(shop, rental_id, secrets, since)
