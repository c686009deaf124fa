"""What may come in: one row of each file, named as the tables name it (docs/architecture.md, Data).

Money is pesos, as in the tables. Unknown fields are refused: a misspelt one is a mistake worth
telling.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

from infra.clock import timestamp
from paymongo import CURRENCY
from rentals.dates import WEEKDAYS
from rentals.models import (
    CENTAVOS_PER_PESO,
    ClosedReason,
    FulfillmentStatus,
    PaymentMethod,
    PaymentStatus,
    Size,
)
from rentals.pricing import MAX_DURATION_DAYS, MIN_DURATION_DAYS
from tools.importing.plain_text import plain_text

Item = dict[str, Any]

_LONGEST_WAY_KM = 20_000
_HEAVIEST_KG = 10_000
_LAST_YEAR = 9999
_MOST_PICTURES = 20
_MOST_PESOS = 1_000_000_000
# One day costs twice that, and PayMongo takes no less than 20 pesos.
_LEAST_RATE = 10
# A row of a table has at most 400 KB.
_LONGEST_LIST = 1_000


def _availability(value: Any) -> Any:
    """The tables hold text, because an index key must be; JSON has a word of its own for it, and
    spreadsheets write theirs in capitals.
    """
    return str(value).lower() if isinstance(value, bool | str) else value


def _number(value: Any) -> Any:
    """Many spreadsheets write a comma for the point; before three digits it may part thousands."""
    is_plain = isinstance(value, str) and re.fullmatch(r"\d+,\d{1,2}", value)
    return value.replace(",", ".") if is_plain else value


def _listed(value: Any) -> Any:
    """One cell of a spreadsheet holds a whole list."""
    return [each.strip() for each in value.split("|")] if isinstance(value, str) else value


def _day_off(day: str) -> str:
    if day not in WEEKDAYS and date.fromisoformat(day).isoformat() != day:
        raise ValueError("is no date like 2026-12-25")
    return day


def _is_past(moment: datetime) -> datetime:
    if moment > datetime.now(UTC):
        raise ValueError("lies in the future")
    return moment


Id = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_PLAIN = BeforeValidator(plain_text)
# 38 digits in all is what a table holds.
Number = Annotated[Decimal, BeforeValidator(_number), Field(decimal_places=20)]
Kilometres = Annotated[Number, Field(ge=0, le=_LONGEST_WAY_KM)]
Moment = Annotated[AwareDatetime, AfterValidator(_is_past)]
Pesos = Annotated[int, Field(gt=0, le=_MOST_PESOS, strict=True)]


class Row(BaseModel):
    """A row of a file."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, frozen=True)

    id: Id

    def to_item(self) -> Item:
        """The row as its table holds it."""
        item: Item = self.model_dump(by_alias=True, exclude_none=True)
        return item


class CollectibleRow(Row):
    """collectibles: something to rent. `pictures` and `image_url` are names of files or paths of
    the site.
    """

    name: Annotated[Name, _PLAIN]
    description: Annotated[Text, _PLAIN] = ""
    size: Size
    image_url: Text = ""
    category: Annotated[Text, _PLAIN] | None = None
    pictures: (
        Annotated[list[Text], BeforeValidator(_listed), Field(max_length=_MOST_PICTURES)] | None
    ) = None
    measurements: Annotated[Text, _PLAIN] | None = None
    weight_kg: Annotated[Number, Field(gt=0, le=_HEAVIEST_KG)] | None = None
    condition: Annotated[Text, _PLAIN] | None = None
    year: Annotated[int, Field(ge=1, le=_LAST_YEAR, strict=True)] | None = None
    in_the_box: Annotated[Text, _PLAIN] | None = None
    needs_two_people: bool | None = None
    daily_rate: Annotated[int, Field(ge=_LEAST_RATE, le=_MOST_PESOS, strict=True)] | None = None
    is_withdrawn: bool | None = None
    deposit: Annotated[int, Field(ge=0, le=_MOST_PESOS, strict=True)] | None = None
    replacement_value: Pesos | None = None


class StoreRow(Row):
    """stores: where customers pick up. `days_off` are dates and days of the week."""

    name: Name
    address: Text = ""
    phone: Text = ""
    hours: Text = ""
    days_off: Annotated[
        list[Annotated[str, AfterValidator(_day_off)]],
        BeforeValidator(_listed),
        Field(max_length=_LONGEST_LIST),
    ] = []


class WarehouseRow(Row):
    """warehouses: where units lie; `distances` are km by store id."""

    name: Name | None = None
    distances: dict[Id, Kilometres] = Field(min_length=1, max_length=_LONGEST_LIST)


class UnitRow(Row):
    """units: one physical piece. An unavailable one is held by the past rental that names it, or
    has a `status` that says why it cannot be rented.
    """

    collectible_id: Id
    warehouse_id: Id
    is_available: Annotated[Literal["true", "false"], BeforeValidator(_availability)] = "true"
    status: Literal["maintenance", "lost", "retired"] | None = None
    reason: Text | None = None

    @model_validator(mode="after")
    def _is_not_offered_and_put_away(self) -> "UnitRow":
        if self.status is not None and self.is_available == "true":
            raise ValueError(f'is {self.status}: its isAvailable is "false"')
        return self


class CustomerRow(BaseModel):
    """Who rented."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    name: Name
    email: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]
    phone: Text = ""
    address: Text = ""
    city: Text = ""
    postal_code: Text = ""


class RentalRow(Row):
    """rentals: one whose payment is over. Only a completed one may still hold a unit (`unitId`);
    `fulfillmentStatus` says where that is, if it is known.
    """

    collectible_id: Id
    collectible_name: Name
    store_id: Id
    warehouse_id: Id | None = None
    unit_id: Id | None = None
    customer: CustomerRow
    duration: Annotated[int, Field(ge=MIN_DURATION_DAYS, le=MAX_DURATION_DAYS, strict=True)]
    daily_rate: Pesos
    total_fee: Pesos
    payment_method: PaymentMethod
    payment_status: PaymentStatus
    payment_id: Name | None = None
    payment_url: Text | None = None
    eta: Annotated[int, Field(ge=0, le=_LONGEST_WAY_KM, strict=True)] | None = None
    created_at: Moment
    updated_at: Moment
    fulfillment_status: FulfillmentStatus | None = None
    ready_by: AwareDatetime | None = None
    arrived_at: Moment | None = None
    picked_up_at: Moment | None = None
    due_at: AwareDatetime | None = None
    returned_at: Moment | None = None

    @model_validator(mode="after")
    def _is_where_it_says(self) -> "RentalRow":
        stage = self.fulfillment_status
        if stage is None:
            return self
        if (self.unit_id is None) is not (stage is FulfillmentStatus.CLOSED):
            raise ValueError(f"is {stage}, and its unitId is {self.unit_id}")
        missing = [name for name in _TIMES_OF[stage] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"is {stage}, and has no {', '.join(map(to_camel, missing))}")
        return self

    @model_validator(mode="after")
    def _adds_up(self) -> "RentalRow":
        if self.payment_status is PaymentStatus.PENDING:
            raise ValueError("is still pending: let it end in the old system, then import it")
        if self.total_fee != self.daily_rate * self.duration:
            raise ValueError(
                f"totalFee is {self.total_fee}, and {self.duration} days at {self.daily_rate} are"
                f" {self.daily_rate * self.duration}"
            )
        if self._has_money and self.payment_id is None:
            raise ValueError(f"is {self.payment_status}, and has no paymentId")
        if self.unit_id is not None and self.payment_status is not PaymentStatus.COMPLETED:
            raise ValueError(f"is {self.payment_status}, and cannot hold a unit")
        if self.updated_at < self.created_at:
            raise ValueError("updatedAt is before createdAt")
        return self

    @property
    def _has_money(self) -> bool:
        return self.payment_status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED)

    def to_item(self) -> Item:
        """The row as the Rentals table holds it; `importedAt` tells it from one of our own.

        Links to pay are dropped. A payment id of an unpaid rental named an attempt, and is kept
        under another name: here `paymentId` means money received.
        """
        item = super().to_item()
        item.pop("paymentUrl", None)
        item |= {
            "createdAt": timestamp(self.created_at),
            "updatedAt": timestamp(self.updated_at),
            "requestHash": "imported",
        }
        times = {name: getattr(self, name) for name in _TIMES}
        item |= {to_camel(name): timestamp(at) for name, at in times.items() if at is not None}
        if self.payment_status is PaymentStatus.COMPLETED and self.unit_id is None:
            item |= {
                "fulfillmentStatus": FulfillmentStatus.CLOSED,
                "closedReason": ClosedReason.RETURNED,
                "closedAt": item["updatedAt"],
            }
        if self._has_money:
            item |= {
                "amountPaid": self.total_fee * CENTAVOS_PER_PESO,
                "paymentCurrency": CURRENCY,
            }
        elif "paymentId" in item:
            item["importedPaymentId"] = item.pop("paymentId")
        if self.payment_status is PaymentStatus.REFUNDED:
            item |= {"refundStatus": "succeeded", "refundRequestedAt": item["updatedAt"]}
        return item


# What a stage counts from, and all of them.
_TIMES_OF = {
    FulfillmentStatus.AWAITING_ARRIVAL: ("ready_by",),
    FulfillmentStatus.READY_FOR_PICKUP: ("arrived_at",),
    FulfillmentStatus.PICKED_UP: ("picked_up_at", "due_at"),
    FulfillmentStatus.RETURNED: ("returned_at",),
    FulfillmentStatus.CLOSED: (),
}
_TIMES = [name for names in _TIMES_OF.values() for name in names]

# In the order in which they are read and written; the file's name is the table's.
FILES: dict[str, type[Row]] = {
    "Collectibles": CollectibleRow,
    "Stores": StoreRow,
    "Warehouses": WarehouseRow,
    "Units": UnitRow,
    "Rentals": RentalRow,
}
