"""A rental's row in words, the same in a terminal and in the console, without who rents."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from paymongo import CURRENCY
from rentals import dates
from rentals.models import CENTAVOS_PER_PESO, PaymentStatus
from rentals.numbers import number_of
from tools.ops import rows
from tools.ops.words import counted, duration, pesos, when

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """`id` is how other systems and commands name it, `link` where it can be seen; somebody has to
    look at what `is_wrong`.
    """

    name: str
    text: str = ""
    id: str = ""
    link: str = ""
    is_wrong: bool = False


def facts_of(row: Row, unit: Row | None, names: Mapping[str, str]) -> list[Fact]:
    """What is known of a rental: `names` are those of stores and warehouses, by id."""
    found = [
        *_standing(row),
        Fact("collectible", row["collectibleName"], row["collectibleId"]),
        *_places(row, names),
        *_unit(row, unit),
        *_price(row),
        *_payment(row),
        *_trouble(row),
        Fact("created", when(row["createdAt"])),
        Fact("changed", when(row["updatedAt"])),
    ]
    return [each for each in found if each.text or each.id]


def amount_paid(row: Row) -> str:
    """What the payment on record is of, or nothing."""
    if "amountPaid" not in row:
        return ""
    currency = row.get("paymentCurrency", CURRENCY)
    if currency == CURRENCY:
        return pesos(int(row["amountPaid"]))
    return f"{row['amountPaid'] / CENTAVOS_PER_PESO} {currency}"


def _standing(row: Row) -> Iterator[Fact]:
    yield Fact("number", id=number_of(row["id"]))
    yield Fact("status", _words(row["paymentStatus"], row.get("endReason")))
    for name in ("attention", "fulfillmentAttention"):
        yield Fact("needs somebody", row.get(name, ""), is_wrong=True)
    if "fulfillmentStatus" in row:
        is_overdue = rows.is_overdue(row)
        how = row.get("closedReason") or ("overdue" if is_overdue else None)
        since = when(rows.stage_since(row))
        stage = f"{_words(row['fulfillmentStatus'], how)}, since {since}"
        yield Fact("stage", stage, is_wrong=is_overdue)
        yield Fact("ready by", when(row.get("readyBy")))
        yield Fact("due", when(row.get("dueAt")))


def _places(row: Row, names: Mapping[str, str]) -> Iterator[Fact]:
    for name, place in (("store", row["storeId"]), ("returned at", row.get("returnedStoreId"))):
        yield Fact(name, names.get(place or "", ""), place or "")
    if place := row.get("warehouseId"):
        away = f", {dates.number_of_days(int(row['eta']))} away" if "eta" in row else ""
        yield Fact("warehouse", names.get(place, "") + away, place)


def _unit(row: Row, unit: Row | None) -> Iterator[Fact]:
    known = unit or {}
    where = _words(known.get("status", ""), known.get("reason"))
    if "unitId" not in row:
        if "lastUnitId" in row:
            yield Fact("last unit", where, row["lastUnitId"])
        return
    holder = known.get("reservedBy")
    is_wrong = holder != row["id"]
    held = (
        f"held by {holder if is_wrong else 'this rental'}" if holder else "not held by this rental"
    )
    yield Fact("unit", f"{where}, {held}".lstrip(", "), row["unitId"], is_wrong=is_wrong)


def _price(row: Row) -> Iterator[Fact]:
    if "totalFee" in row:
        days = dates.number_of_days(int(row["duration"]))
        yield Fact(
            "price", f"{_of_pesos(row, 'totalFee')}: {days} at {_of_pesos(row, 'dailyRate')}"
        )
    yield Fact("deposit", _of_pesos(row, "deposit"))
    if "counterDeposit" in row:
        receipt = row.get("counterDepositReceipt")
        taken = f"receipt {receipt}" if receipt else "not taken yet"
        yield Fact("deposit at the counter", f"{_of_pesos(row, 'counterDeposit')}, {taken}")


def _payment(row: Row) -> Iterator[Fact]:
    received = amount_paid(row) or "not received"
    yield Fact("payment", f"{received}, {row['paymentMethod']}", row.get("paymentId", ""))
    if declined := row.get("declinedEventIds"):
        yield Fact("declined", counted(len(declined), "time"))
    yield Fact(
        "PayMongo session",
        "closed" if "sessionClosedAt" in row else "",
        row.get("checkoutSessionId", ""),
        row.get("checkoutUrl", ""),
    )
    until = row.get("holdExpiresAt")
    if until and row["paymentStatus"] == PaymentStatus.PENDING:
        left = -rows.age(until)
        yield Fact("held until", when(until) + (f", in {duration(left)}" if left > 0 else ""))


def _trouble(row: Row) -> Iterator[Fact]:
    yield Fact("surplus payments", id=", ".join(sorted(row.get("surplusPaymentIds", ()))))
    if "refundRequestedAt" in row:
        status = _words(row.get("refundStatus", "requested"))
        asked = f"{status}, asked for at {when(row['refundRequestedAt'])}"
        yield Fact("refund of everything", asked, row.get("refundId", ""))
    for each in row.get("acknowledgements", ()):
        text = f"{each['problem']}: {each['note']}; {each['by']}, {when(each['at'])}"
        yield Fact("acknowledged", text)
    if "followUp" in row:
        kind = str(row["followUp"]).partition("#")[0]
        yield Fact("follow-up", f"{kind}, {when(row['followUpAt'])}")


def _of_pesos(row: Row, name: str) -> str:
    return pesos(int(row[name] * CENTAVOS_PER_PESO)) if name in row else ""


def _words(*names: str | None) -> str:
    return ", ".join(each.replace("_", " ") for each in names if each)
