"""When SES tells that a mail came back, or that its reader complained."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from infra.mail import read_tags
from infra.telemetry import logger, metrics
from rentals.mail_feedback import customer_complained, mail_bounced
from rentals.notices import rental_of


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """The mail's tag says which notice it was (rentals/outbox.py); others are about no rental."""
    detail = event["detail"]
    notice_id = read_tags(detail["mail"]["tags"]).get("notice")
    if notice_id is None:
        return {"result": "ignored"}
    rental_id = rental_of(notice_id)
    logger.structure_logs(append=False, state="MailFeedback", rental_id=rental_id)
    if bounce := detail.get("bounce"):
        is_known = mail_bounced(
            notice_id,
            detail["mail"]["messageId"],
            f"{bounce['bounceType']}/{bounce['bounceSubType']}",
        )
        result = "bounced" if is_known else "ignored"
    else:
        customer_complained(rental_id)
        result = "complained"
    logger.info("recorded", extra={"result": result})
    return {"result": result}
