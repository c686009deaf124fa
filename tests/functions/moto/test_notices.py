"""The outbox: rows of the transactions that cause them, what is told of them, what comes back."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from infra import aws, dynamo
from infra.errors import InfrastructureUnavailable
from infra.mail import read_tags
from infra.settings import setting
from infra.telemetry import logger
from paymongo.resources import Refund
from rentals import notices, outbox, refund_records, repository
from rentals.access_keys import access_key_of
from rentals.models import Rental
from rentals.notices import Notice, NoticeKind, NoticeStatus
from tests.support.mails import SENDER, Outside, taken
from tests.support.rentals import completed
from tests.support.samples import CUSTOMER
from tests.support.tables import Shop
from tools.sources import ROOT
from upkeep import mail_feedback, send_notices

Json = dict[str, Any]

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (ROOT / "events/schemas").iterdir()}
REGISTRY: Registry[Any] = Registry().with_resource(
    "detail.json", Resource.from_contents(SCHEMAS.pop("detail"))
)
SECRET = "access-secret"
every_kind = pytest.mark.parametrize("kind", NoticeKind)


@pytest.fixture
def rental(shop: Shop) -> Rental:
    return completed(shop)


@pytest.fixture
def outside(shop: Shop, environment: pytest.MonkeyPatch) -> Iterator[Outside]:
    secret_id = setting("ACCESS_SECRET_ID")
    aws.secretsmanager().create_secret(Name=secret_id, SecretString=SECRET)
    with taken(environment) as outside:
        yield outside
    aws.secretsmanager().delete_secret(SecretId=secret_id, ForceDeleteWithoutRecovery=True)


def written(rental: Rental, kind: NoticeKind = NoticeKind.CONFIRMED) -> Notice:
    """A notice's row, as a transaction writes it."""
    new = notices.new_notice(rental, kind, "test")
    dynamo.transact([new])
    return now(new.row["id"])


def now(notice_id: str) -> Notice:
    notice = notices.find(notice_id)
    assert notice is not None
    return notice


def record_of(notice: Notice, number: int = 1) -> Json:
    """As the table's stream hands it over."""
    keys = dynamo.to_attributes({"id": notice.id})
    return {"dynamodb": {"Keys": keys, "SequenceNumber": f"{number:021}"}}


def handled(*told: Notice) -> list[str]:
    """The sequence numbers that the stream is asked to hand over again."""
    records = [record_of(notice, number) for number, notice in enumerate(told, start=1)]
    answer = send_notices.handler({"Records": records}, LambdaContext())
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def feedback(notice: Notice, detail: Json, message_id: str = "m-1") -> None:
    """What SES tells of a notice's mail."""
    mail = {"messageId": message_id, "tags": {"notice": [notice.id.replace("#", ".23")]}}
    event = {"detail": detail | {"mail": mail}}
    mail_feedback.handler(event, LambdaContext())


BOUNCE = {"bounce": {"bounceType": "Permanent", "bounceSubType": "General"}}


# --- rows ---


def test_a_notice_is_written_once_and_holds_nobodys_data(
    shop: Shop, outside: Outside, rental: Rental
) -> None:
    notice = written(rental)

    with pytest.raises(dynamo.ConditionFailed):
        written(rental)
    assert notice.status is NoticeStatus.PENDING
    assert (notice.id, notice.unit_id) == (f"{rental.id}#confirmed#test", rental.unit_id)
    text = json.dumps(shop.row("Notices", notice.id))
    assert not [each for each in asdict(rental.customer).values() if each in text]


def test_a_refund_that_succeeded_is_told_and_one_under_way_is_not(
    shop: Shop, rental: Rental
) -> None:
    refund_records.request_refund(rental)
    for status in ("pending", "succeeded", "succeeded"):
        asked = repository.get(rental.id)
        refund_records.record_refund(asked, Refund("ref_1", "pay_1", 600_000, status))
        kinds = [row["kind"] for row in shop.rows("Notices")]
        assert ("refunded" in kinds) is (status == "succeeded")


# --- telling ---


def test_a_notice_becomes_a_mail_and_an_event(outside: Outside, rental: Rental) -> None:
    notice = written(rental)

    assert handled(notice) == []

    [mail] = outside.mails
    assert mail["Destination"] == {"ToAddresses": [CUSTOMER.email]}
    assert mail["FromEmailAddress"] == f"MongoCollectibles <{SENDER}>"
    assert mail["ReplyToAddresses"] == ["desk@example.com"]
    key = access_key_of(rental.id, SECRET.encode())
    page = f"https://site.example/rental.html?rental_id={rental.id}#key={key}"
    assert page in mail["Content"]["Simple"]["Body"]["Text"]["Data"]
    [event] = outside.events
    assert (event["Source"], event["EventBusName"]) == ("mongocollectibles.rentals", "rentals-test")
    told = now(notice.id)
    assert told.status is NoticeStatus.SENT
    assert told.message_id
    assert told.sent_at


@every_kind
def test_every_kind_has_an_event_that_its_schema_describes(
    outside: Outside, rental: Rental, kind: NoticeKind
) -> None:
    notice = written(rental, kind)

    outbox.tell(notice.id)

    [event] = outside.events
    schema = SCHEMAS[event["DetailType"]]
    assert (event["DetailType"], schema["title"]) == (kind.event, kind.event)
    Draft202012Validator(schema, registry=REGISTRY).validate(json.loads(event["Detail"]))
    assert now(notice.id).status is NoticeStatus.SENT
    assert len(outside.mails) == kind.is_mailed


def test_every_schema_is_of_an_event() -> None:
    assert SCHEMAS.keys() == {kind.event for kind in NoticeKind}


def test_a_record_that_comes_again_tells_nothing(outside: Outside, rental: Rental) -> None:
    notice = written(rental)

    for _ in range(2):
        assert handled(notice, notice) == []

    assert (len(outside.mails), len(outside.events)) == (1, 1)


def test_a_mail_carries_its_notices_id_in_what_ses_takes_for_a_tag(
    outside: Outside, rental: Rental
) -> None:
    new = notices.new_notice(rental, NoticeKind.OVERDUE, "2026-02-05T15:59:59.000Z")
    dynamo.transact([new])

    outbox.tell(new.row["id"])

    tags = {each["Name"]: each["Value"] for each in outside.mails[0]["EmailTags"]}
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,256}", tags["notice"])
    assert read_tags({"notice": [tags["notice"]]}) == {"notice": new.row["id"]}


# --- what can go wrong ---


@pytest.mark.parametrize(
    "code", ["MessageRejected", "BadRequestException", "AccountSuspendedException"]
)
def test_what_ses_refuses_for_good_needs_attention(
    shop: Shop, outside: Outside, rental: Rental, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    refused, other = written(rental), written(rental, NoticeKind.READY)
    outside.refuse("SendEmail", code)

    assert handled(refused, other) == []

    told = now(refused.id)
    assert (told.status, told.problem, told.sent_at) == (NoticeStatus.NOT_SENT, code, None)
    assert shop.row("Rentals", rental.id)["fulfillmentAttention"] == "mail_not_sent"
    assert now(other.id).status is NoticeStatus.SENT
    log = "\n".join(map(logger.registered_handler.format, caplog.records))
    assert code in log
    assert CUSTOMER.email not in log


def test_what_may_pass_is_handed_over_again(outside: Outside, rental: Rental) -> None:
    one, other = written(rental), written(rental, NoticeKind.READY)
    outside.refuse("SendEmail", "TooManyRequestsException", 429)

    assert handled(one, other) == [f"{1:021}"]
    assert now(one.id).status is NoticeStatus.PENDING

    assert handled(one, other) == []
    assert len(outside.mails) == 2


def test_a_batch_of_which_nothing_was_told_is_a_failed_invocation(
    outside: Outside, rental: Rental
) -> None:
    notice = written(rental)
    outside.refuse("PutEvents", "InternalException", 500)

    with pytest.raises(Exception, match="InternalException"):
        handled(notice)

    assert outside.mails == []
    assert now(notice.id).status is NoticeStatus.PENDING


def test_an_event_that_the_bus_did_not_take_is_put_again(
    outside: Outside, rental: Rental, environment: pytest.MonkeyPatch
) -> None:
    notice = written(rental)
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with environment.context() as patch:
        patch.setattr(aws.events(), "put_events", lambda **_: answer)
        with pytest.raises(InfrastructureUnavailable):
            handled(notice)

    assert handled(notice) == []
    assert len(outside.mails) == len(outside.events) == 1


def test_without_a_sender_there_are_events_and_no_mails(
    shop: Shop, outside: Outside, rental: Rental, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("MAIL_SENDER", "")
    setting.cache_clear()
    notice = written(rental)

    outbox.tell(notice.id)

    assert (len(outside.mails), len(outside.events)) == (0, 1)
    assert (now(notice.id).status, now(notice.id).problem) == ("not_sent", "MailsAreOff")
    # Nobody can do anything about it.
    assert "fulfillmentAttention" not in shop.row("Rentals", rental.id)


# --- what comes back ---


def test_a_mail_that_comes_back_needs_attention(
    shop: Shop, outside: Outside, rental: Rental
) -> None:
    notice = written(rental)
    outbox.tell(notice.id)
    sent = now(notice.id)
    assert sent.message_id

    for _ in range(2):
        feedback(notice, BOUNCE, sent.message_id)

    bounced = now(notice.id)
    assert (bounced.status, bounced.problem) == (NoticeStatus.BOUNCED, "Permanent/General")
    assert shop.row("Rentals", rental.id)["fulfillmentAttention"] == "mail_bounced"


def test_a_mail_may_come_back_before_its_id_is_written(outside: Outside, rental: Rental) -> None:
    notice = written(rental)
    feedback(notice, BOUNCE)

    outbox.tell(notice.id)

    assert now(notice.id).status is NoticeStatus.BOUNCED


def test_an_earlier_mail_of_a_notice_that_was_sent_again_may_come_back(
    shop: Shop, outside: Outside, rental: Rental
) -> None:
    notice = written(rental)
    outbox.tell(notice.id)

    feedback(notice, BOUNCE)

    assert now(notice.id).status is NoticeStatus.SENT
    assert "fulfillmentAttention" not in shop.row("Rentals", rental.id)


def test_who_has_complained_is_mailed_about_money_only(
    shop: Shop, outside: Outside, rental: Rental
) -> None:
    feedback(written(rental), {"complaint": {}})
    unasked, money = written(rental, NoticeKind.DUE_SOON), written(rental, NoticeKind.REFUNDED)

    handled(unasked, money)

    assert [now(each.id).status for each in (unasked, money)] == ["not_sent", "sent"]
    assert now(unasked.id).problem == "CustomerComplained"
    assert len(outside.mails) == 1
    assert len(outside.events) == 2
