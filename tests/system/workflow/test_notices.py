"""What customers and other systems are told of a rental, and what comes back."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rentals.notices import NoticeKind, id_of
from tests.support.shop import Shop, eventually
from tools.local.mail import MESSAGES, newest_first
from tools.ops.target import choose
from tools.replay.filling import Facts, fill_in
from tools.replay.samples import load

Json = dict[str, Any]


def mails_to(shop: Shop, rental_id: str) -> list[Json]:
    """The mails that the engine's SES took for the rental's customer, the newest first."""
    return mails_at(shop, shop.rental_row(rental_id)["customer"]["email"])


def mails_at(shop: Shop, address: str) -> list[Json]:
    answer = httpx.get(shop.stack.settings.aws_url + MESSAGES)
    return [each for each in newest_first(answer.json()) if each["To"] == [address]]


def the_mail(shop: Shop, rental_id: str) -> Json:
    return eventually(lambda: mails_to(shop, rental_id), "a mail")[0]


def notice_of(shop: Shop, rental_id: str, status: str) -> Json:
    """The rental's first notice once it stands so."""
    wanted = id_of(rental_id, NoticeKind.CONFIRMED, "1")

    def look() -> Json | None:
        rows = [row for row in shop.rows("Notices") if row["id"] == wanted]
        return rows[0] if rows and rows[0]["status"] == status else None

    return eventually(look, f"the notice to be {status}")


def feedback(shop: Shop, sample: str, notice: Json) -> None:
    """Have SES tell of a mail: only AWS may put its events, so the rule is asked whether it would
    take this one to its function, and the function is given it.
    """
    target = choose(endpoint_url=shop.stack.settings.aws_url)
    facts = Facts(notice["rentalId"], message_id=notice["messageId"])
    event = json.dumps(fill_in(load(f"MailFeedbackFunction/{sample}"), facts).event)
    eventbridge = shop.stack.client("events")
    rule = target.stack.physical_id("MailFeedbackFunctionFeedback")
    pattern = eventbridge.describe_rule(Name=rule)["EventPattern"]
    assert eventbridge.test_event_pattern(EventPattern=pattern, Event=event)["Result"]
    answer = shop.stack.client("lambda").invoke(
        FunctionName=target.stack.live("MailFeedbackFunction"), Payload=event.encode()
    )
    assert "FunctionError" not in answer


@pytest.fixture
def events(shop: Shop) -> Iterator[str]:
    """The address of a queue that gets every event of our bus."""
    name, bus = f"test-{uuid.uuid4().hex}", shop.stack.outputs["EventBusName"]
    sqs, eventbridge = shop.stack.client("sqs"), shop.stack.client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = json.dumps({"source": ["mongocollectibles.rentals"]})
    eventbridge.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
    targets = [{"Id": "queue", "Arn": arn["QueueArn"]}]
    eventbridge.put_targets(Rule=name, EventBusName=bus, Targets=targets)
    yield url
    eventbridge.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
    eventbridge.delete_rule(Name=name, EventBusName=bus)
    sqs.delete_queue(QueueUrl=url)


def event_about(shop: Shop, url: str, rental_id: str) -> Json:
    """The first event about a rental."""

    def look() -> Json | None:
        answer = shop.stack.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        found = [json.loads(each["Body"]) for each in answer.get("Messages", [])]
        return next((each for each in found if each["detail"]["rental_id"] == rental_id), None)

    return eventually(look, "an event")


def test_a_paid_rental_is_mailed_to_its_customer_and_told_on_the_bus(
    shop: Shop, events: str
) -> None:
    collectible_id, rental = shop.rent()
    shop.pay_and_complete(rental)
    rental_id = rental["rental_id"]

    event = event_about(shop, events, rental_id)
    assert event["detail-type"] == "RentalConfirmed"
    assert event["detail"]["collectible_id"] == collectible_id
    mail = the_mail(shop, rental_id)
    assert mail["Subject"].startswith("Confirmed: Test Piece")
    [link] = re.findall(r"https?://\S+", mail["BodyText"])
    key = next(iter(shop.key_of(rental_id).values()))
    assert link == f"{shop.stack.settings.site_url}/rental.html?rental_id={rental_id}#key={key}"
    assert shop.site.get(link).status_code == 200
    assert notice_of(shop, rental_id, "sent")["messageId"] == mail["MessageId"]
    assert len(mails_to(shop, rental_id)) == 1


def test_a_link_that_is_asked_for_is_mailed_and_its_answer_tells_nothing(shop: Shop) -> None:
    _, rental = shop.rent()
    shop.pay_and_complete(rental)
    row = shop.rental_row(rental["rental_id"])
    of_rental = {"number": rental["number"], "email": row["customer"]["email"]}

    answers = [
        shop.site.post("/api/rentals/find", json=of_rental | each)
        for each in ({}, {"number": "MC-2222-2222"}, {"email": "nobody@example.com"})
    ]

    assert {(each.status_code, each.text) for each in answers} == {(202, answers[0].text)}
    subject = "The link to your rental"

    def link_mail() -> Json | None:
        found = mails_to(shop, rental["rental_id"])
        return next((each for each in found if each["Subject"].startswith(subject)), None)

    assert (
        shop.key_of(rental["rental_id"])["X-Rental-Key"]
        in eventually(link_mail, "the link")["BodyText"]
    )


def test_who_waits_is_told_once_when_it_is_back(shop: Shop) -> None:
    collectible = shop.add_collectible(units=0)
    waits, stops = (f"{uuid.uuid4().hex}@example.com" for _ in range(2))
    body = {"collectible_id": collectible}
    for asked in (body | {"email": waits}, body | {"email": stops}):
        assert shop.site.post("/api/waiting-list", json=asked).status_code == 202
    shop.site.post("/api/waiting-list", json=body | {"email": stops, "is_wanted": False})
    shop.add_units(collectible, "wh-001")

    target = choose(endpoint_url=shop.stack.settings.aws_url)
    for _ in range(2):
        answer = shop.stack.client("lambda").invoke(
            FunctionName=target.stack.live("TellWaitingFunction")
        )
        assert "FunctionError" not in answer

    [mail] = mails_at(shop, waits)
    assert f"/collectibles/{collectible}" in mail["BodyText"]
    assert mails_at(shop, stops) == []


def test_mails_can_be_read_on_this_machine(shop: Shop) -> None:
    _, rental = shop.rent()
    shop.pay_and_complete(rental)
    mail = the_mail(shop, rental["rental_id"])

    listed = shop.site.get("/mail")
    one = shop.site.get(f"/mail/{mail['MessageId']}")

    assert mail["MessageId"].partition("@")[0] in listed.text
    assert mail["Subject"] in one.text
    assert f'href="{shop.stack.settings.site_url}/rental.html?' in one.text
    assert "script-src 'self'" in one.headers["Content-Security-Policy"]
    assert shop.site.get("/mail/no-such-mail").headers["Location"] == "/mail"


def test_a_mail_that_comes_back_has_somebody_look(shop: Shop) -> None:
    _, rental = shop.rent()
    shop.pay_and_complete(rental)
    sent = notice_of(shop, rental["rental_id"], "sent")

    feedback(shop, "bounced", sent)

    assert notice_of(shop, rental["rental_id"], "bounced")["problem"] == "Permanent/General"
    assert shop.rental_row(rental["rental_id"])["fulfillmentAttention"] == "mail_bounced"


def test_who_complains_is_still_told_about_money(shop: Shop) -> None:
    _, rental = shop.rent()
    shop.pay_and_complete(rental)
    rental_id = rental["rental_id"]
    feedback(shop, "complaint", notice_of(shop, rental_id, "sent"))

    row = shop.rental_row(rental_id)
    shop.paymongo.refund(row["paymentId"], int(row["amountPaid"]))

    eventually(
        lambda: mails_to(shop, rental_id)[0]["Subject"].startswith("Refunded"), "the refund's mail"
    )
    told = {row["kind"]: row for row in shop.rows("Notices") if row["rentalId"] == rental_id}
    assert told["cancelled"]["problem"] == "CustomerComplained"
