"""Sending mail by SES. What goes into a header is a field of the request, which SES checks: no text
of anybody's can add a header.
"""

from collections.abc import Mapping, Sequence
from email.utils import formataddr
from urllib.parse import quote, unquote

from infra.aws import sesv2
from infra.settings import setting

_SENDER_NAME = "MongoCollectibles"


def is_on() -> bool:
    """Whether there is a sender; without one no mail is sent."""
    return bool(setting("MAIL_SENDER"))


def send(to: str, subject: str, text: str, tags: Mapping[str, str]) -> str:
    """Send a mail of plain text: its message id. What SES tells of it later carries the tags."""
    reply_to = setting("MAIL_REPLY_TO")
    answer = sesv2().send_email(
        FromEmailAddress=formataddr((_SENDER_NAME, setting("MAIL_SENDER"))),
        Destination={"ToAddresses": [to]},
        ReplyToAddresses=[reply_to] if reply_to else [],
        Content={
            "Simple": {
                "Subject": {"Data": subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
            }
        },
        ConfigurationSetName=setting("MAIL_CONFIGURATION_SET"),
        EmailTags=[{"Name": name, "Value": _tag(value)} for name, value in tags.items()],
    )
    return answer["MessageId"]


def read_tags(tags: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The tags of a mail, as SES tells of it."""
    return {name: unquote(values[0].replace(".", "%")) for name, values in tags.items()}


def _tag(value: str) -> str:
    """SES takes letters, digits, `_`, `-` and `.` only."""
    return quote(value, safe="").replace(".", "%2E").replace("%", ".")
