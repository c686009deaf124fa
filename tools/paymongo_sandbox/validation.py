"""What PayMongo checks in a request; all problems are collected and reported at once."""

from typing import Any
from urllib.parse import urlsplit

from tools.paymongo_sandbox.errors import ApiError, Problem
from tools.paymongo_sandbox.resources import Json

MINIMUM_TOTAL = 2_000
MAXIMUM_TOTAL = 999_999_999
MINIMUM_REFUND = 100
MAXIMUM_NOTES = 255

# PayMongo's names, and what its page calls them.
PAYMENT_METHODS = {
    "billease": "BillEase",
    "brankas_bdo": "BDO",
    "brankas_landbank": "LandBank",
    "brankas_metrobank": "Metrobank",
    "card": "Credit or debit card",
    "dob": "BPI online banking",
    "dob_ubp": "UnionBank online banking",
    "gcash": "GCash",
    "grab_pay": "GrabPay",
    "paymaya": "Maya",
    "qrph": "QR Ph",
    "shopee_pay": "ShopeePay",
}
REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "others")
EVENT_TYPES = (
    "checkout_session.payment.paid",
    "link.payment.paid",
    "payment.failed",
    "payment.paid",
    "payment.refund.updated",
    "payment.refunded",
    "qrph.expired",
    "source.chargeable",
)
_ADDRESS_FIELDS = ("line1", "line2", "city", "state", "postal_code", "country")
_TYPE_NAMES: dict[type, str] = {
    str: "a string",
    int: "an integer",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
}


class Checker:
    """Reads attributes of a request body and collects what is wrong with them.

    Readers answer None for a value that is absent, null or wrong.
    """

    def __init__(self, body: Any) -> None:
        """Raises ApiError unless the body is {"data": {"attributes": {...}}}."""
        data = body.get("data") if isinstance(body, dict) else None
        attributes = data.get("attributes") if isinstance(data, dict) else None
        if not isinstance(attributes, dict):
            pointer = "data.attributes" if isinstance(data, dict) else "data"
            raise ApiError(400, Problem("parameter_required", f"{pointer} is required.", pointer))
        self.attributes: Json = attributes
        self.problems: list[Problem] = []

    def complain(self, code: str, detail: str, pointer: str) -> None:
        self.problems.append(Problem(code, detail, pointer))

    def finish(self) -> None:
        """Raises ApiError when anything was wrong."""
        if self.problems:
            raise ApiError(400, *self.problems)

    def value(self, holder: Json, name: str, kind: type, at: str, *, required: bool = False) -> Any:
        """The named value when it has the right type."""
        found = holder.get(name)
        if found is None:
            if required:
                self.complain("parameter_required", f"{at} is required.", at)
            return None
        # bool is a subclass of int, but true is no amount.
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            self.complain("parameter_data_type_invalid", f"{at} must be {_TYPE_NAMES[kind]}.", at)
            return None
        if required and found in ("", [], {}):
            self.complain("parameter_required", f"{at} must not be empty.", at)
            return None
        return found

    def text(
        self, holder: Json, name: str, *, at: str | None = None, required: bool = False
    ) -> str | None:
        text: str | None = self.value(holder, name, str, at or name, required=required)
        return text

    def integer(
        self, holder: Json, name: str, minimum: int, *, at: str | None = None
    ) -> int | None:
        """A required integer that is at least `minimum`."""
        pointer = at or name
        number: int | None = self.value(holder, name, int, pointer, required=True)
        if number is not None and number < minimum:
            detail = f"{pointer} must be at least {minimum}."
            self.complain("parameter_below_minimum", detail, pointer)
            return None
        return number

    def choice(
        self, value: object, allowed: tuple[str, ...], at: str, *, code: str = "parameter_invalid"
    ) -> None:
        if value not in allowed:
            self.complain(code, f"{at} must be one of {', '.join(allowed)}.", at)

    def url(self, name: str, *, required: bool = False) -> str | None:
        url = self.text(self.attributes, name, required=required)
        if url is None:
            return None
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            valid = False
        if not valid or any(character.isspace() for character in url):
            self.complain("parameter_format_invalid", f"{name} must be a valid URL.", name)
            return None
        return url

    def metadata(self) -> dict[str, str] | None:
        """Flat, strings only."""
        metadata = self.value(self.attributes, "metadata", dict, "metadata")
        for key, value in (metadata or {}).items():
            if not isinstance(value, str):
                at = f"metadata.{key}"
                self.complain("parameter_data_type_invalid", f"{at} must be a string.", at)
        return metadata or None

    def choices(self, name: str, allowed: tuple[str, ...]) -> list[str]:
        """A required array of known names."""
        values = self.value(self.attributes, name, list, name, required=True) or []
        for index, value in enumerate(values):
            self.choice(value, allowed, f"{name}[{index}]")
        return list(values)


def checkout_session_attributes(body: Any, inactive_methods: frozenset[str]) -> Json:
    """The attributes of a new checkout session, complete and valid. Raises ApiError."""
    check = Checker(body)
    given = check.attributes
    items = _line_items(check)
    methods = check.choices("payment_method_types", tuple(PAYMENT_METHODS))
    for index, method in enumerate(methods):
        if isinstance(method, str) and method in inactive_methods:
            check.complain(
                "payment_method_not_allowed",
                f"The payment method {method} is not active for this account.",
                f"payment_method_types[{index}]",
            )
    flags = {
        name: check.value(given, name, bool, name)
        for name in ("send_email_receipt", "show_description", "show_line_items")
    }
    description = check.text(given, "description", required=flags["show_description"] is True)
    attributes = {
        "billing": _billing(check),
        "cancel_url": check.url("cancel_url"),
        "customer_email": check.text(given, "customer_email"),
        "description": description,
        "line_items": items,
        "metadata": check.metadata(),
        "payment_method_types": methods,
        "reference_number": check.text(given, "reference_number"),
        "send_email_receipt": bool(flags["send_email_receipt"]),
        "show_description": bool(flags["show_description"]),
        "show_line_items": flags["show_line_items"] is not False,
        "statement_descriptor": check.text(given, "statement_descriptor"),
        "success_url": check.url("success_url"),
    }
    check.finish()
    return attributes


def _line_items(check: Checker) -> list[Json]:
    items: list[Json] = []
    for index, item in enumerate(
        check.value(check.attributes, "line_items", list, "line_items", required=True) or []
    ):
        at = f"line_items[{index}]"
        if not isinstance(item, dict):
            check.complain("parameter_data_type_invalid", f"{at} must be an object.", at)
            continue
        currency = check.text(item, "currency", at=f"{at}.currency", required=True)
        if currency is not None:
            check.choice(currency, ("PHP",), f"{at}.currency")
        images = check.value(item, "images", list, f"{at}.images") or []
        for image_index, image in enumerate(images):
            if not isinstance(image, str):
                image_at = f"{at}.images[{image_index}]"
                check.complain(
                    "parameter_data_type_invalid", f"{image_at} must be a string.", image_at
                )
        items.append(
            {
                "amount": check.integer(item, "amount", 1, at=f"{at}.amount"),
                "currency": currency,
                "description": check.text(item, "description", at=f"{at}.description"),
                "images": images,
                "name": check.text(item, "name", at=f"{at}.name", required=True),
                "quantity": check.integer(item, "quantity", 1, at=f"{at}.quantity"),
            }
        )
    if items and not check.problems:
        total = sum(item["amount"] * item["quantity"] for item in items)
        if total < MINIMUM_TOTAL:
            check.complain(
                "parameter_below_minimum",
                f"The total amount must be at least {MINIMUM_TOTAL}.",
                "line_items",
            )
        elif total > MAXIMUM_TOTAL:
            check.complain(
                "parameter_above_maximum",
                f"The total amount cannot be greater than {MAXIMUM_TOTAL}.",
                "line_items",
            )
    return items


def _billing(check: Checker) -> Json:
    billing = check.value(check.attributes, "billing", dict, "billing") or {}
    address = check.value(billing, "address", dict, "billing.address") or {}
    email = check.text(billing, "email", at="billing.email")
    if email and not _looks_like_email(email):
        check.complain(
            "parameter_format_invalid", "billing.email must be a valid email.", "billing.email"
        )
    return {
        "address": {
            name: check.text(address, name, at=f"billing.address.{name}")
            for name in _ADDRESS_FIELDS
        },
        "email": email,
        "name": check.text(billing, "name", at="billing.name"),
        "phone": check.text(billing, "phone", at="billing.phone"),
    }


def _looks_like_email(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return bool(local) and "." in domain and not any(c.isspace() for c in text)


def refund_attributes(body: Any) -> Json:
    """The attributes of a new refund. Raises ApiError."""
    check = Checker(body)
    given = check.attributes
    amount = check.integer(given, "amount", MINIMUM_REFUND)
    payment_id = check.text(given, "payment_id", required=True)
    reason = check.text(given, "reason", required=True)
    if reason is not None:
        check.choice(reason, REFUND_REASONS, "reason")
    notes = check.text(given, "notes")
    if notes is not None and len(notes) > MAXIMUM_NOTES:
        detail = f"notes cannot be longer than {MAXIMUM_NOTES} characters."
        check.complain("parameter_above_maximum", detail, "notes")
    metadata = check.metadata()
    check.finish()
    return {
        "amount": amount,
        "metadata": metadata,
        "notes": notes,
        "payment_id": payment_id,
        "reason": reason,
    }


def webhook_attributes(body: Any, *, partial: bool = False) -> Json:
    """The `url` and `events` of a webhook; `partial` (an update) allows either alone.

    Raises ApiError.
    """
    check = Checker(body)
    attributes: Json = {}
    if not partial or check.attributes.get("url") is not None:
        attributes["url"] = check.url("url", required=True)
    if not partial or check.attributes.get("events") is not None:
        attributes["events"] = check.choices("events", EVENT_TYPES)
    check.finish()
    return attributes
