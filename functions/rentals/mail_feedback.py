"""What becomes of mails after SES has taken them: they come back, or their reader complains."""

from infra import clock, dynamo
from infra.dynamo import Change
from infra.settings import setting
from infra.telemetry import count
from rentals import fulfillment, notices, repository


def mail_bounced(notice_id: str, message_id: str, problem: str) -> bool:
    """A notice's mail came back: the row says so, and the rental needs attention. Returns whether
    it is the notice's last mail.
    """
    notice = notices.record_bounce(notice_id, message_id, problem)
    if notice is None:
        return False
    fulfillment.flag(notice.rental_id, "mail_bounced")
    count("NoticeBounced")
    return True


def customer_complained(rental_id: str) -> None:
    """The customer called a mail spam: from now on only mails about money are sent. Raises
    RentalNotFound.
    """
    key = repository.customer_key(repository.get(rental_id))
    complained = {"complainedAt": clock.now_timestamp()}
    dynamo.update(Change(setting("CUSTOMERS_TABLE"), key, complained))
