"""The mails that the engine's SES has taken, as pages: `/mail` of the front door."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

MESSAGES = "/_ministack/ses/messages"
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
)


def newest_first(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The mails of an answer of the engine."""
    mails = [mail for of_account in answer["messages"].values() for mail in of_account]
    mails.sort(key=lambda mail: float(mail["Timestamp"]), reverse=True)
    return [
        mail | {"sent_at": f"{datetime.fromtimestamp(mail['Timestamp']).astimezone():%Y-%m-%d %X}"}
        for mail in mails
    ]


def page(
    mails: Iterable[Mapping[str, Any]], message_id: str | None, *, stylesheet: str
) -> str | None:
    """All mails, or one of them; None when there is no such mail."""
    mail = next((each for each in mails if each["MessageId"] == message_id), None)
    if message_id is not None and mail is None:
        return None
    return _TEMPLATES.get_template("mail.html").render(
        mails=list(mails), mail=mail, stylesheet=stylesheet
    )
