"""Everything about one rental: its row, its executions, its money at PayMongo, its log lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rentals.errors import PaymentProviderRejected, PaymentProviderUnavailable
from rentals.notices import NoticeKind, id_of
from rentals.numbers import number_of
from rentals.statement import Statement
from tools.ops import account, executions, logs, money, rows
from tools.ops.errors import CommandError
from tools.ops.executions import Execution
from tools.ops.logs import LogLine
from tools.ops.target import Target

Json = dict[str, Any]

_BEFORE = timedelta(minutes=1)


@dataclass(frozen=True)
class Dossier:
    """`payments` is None when PayMongo did not say, and `paymongo_problem` why. `unit` is the one
    that the rental has, or had last; `notices` are what was told, the oldest first; `names` those
    of stores and warehouses, by id.
    """

    row: Json
    unit: Json | None
    notices: list[Json]
    money: Statement
    executions: list[Execution]
    payments: list[Json] | None
    session_status: str | None
    paymongo_problem: str | None
    lines: list[LogLine]
    names: dict[str, str]

    def to_json(self, *, personal_data: bool) -> Json:
        """For scripts."""
        return {
            "rental": rows.shown(self.row, personal_data=personal_data),
            "number": number_of(self.row["id"]),
            "unit": self.unit,
            "notices": self.notices,
            "money": money.to_json(self.money),
            "executions": [each.to_json() for each in self.executions],
            "checkout_session_status": self.session_status,
            "payments": [payment_view(each) for each in self.payments or ()],
            "paymongo_problem": self.paymongo_problem,
            "log": [each.to_json() for each in self.lines],
        }


def gather(target: Target, words: str, *, with_logs: bool) -> Dossier:
    """Ask everybody. Raises CommandError when there is no such rental."""
    row = rows.rental(target, words)
    rental_id = row["id"]
    since = rows.moment(row["createdAt"]) - _BEFORE
    payments, status, problem = None, None, None
    try:
        client = account.account_of(target)
        payments = client.payments_of(row)
        if session_id := row.get("checkoutSessionId"):
            status = client.session(session_id)["attributes"]["status"]
    except (PaymentProviderUnavailable, PaymentProviderRejected, CommandError) as error:
        problem = str(error)
    return Dossier(
        row=row,
        unit=_unit(target, row),
        notices=notices_of(target, row),
        money=money.statement_of(target, row),
        executions=[
            *executions.of_rental(target, rental_id, since),
            *executions.of_fulfillment(target, row),
        ],
        payments=payments,
        session_status=status,
        paymongo_problem=problem,
        lines=logs.of_rental(target, rental_id, since) if with_logs else [],
        names=rows.names(target, "Stores") | rows.names(target, "Warehouses"),
    )


def _unit(target: Target, row: Json) -> Json | None:
    unit_id = row.get("unitId") or row.get("lastUnitId")
    if unit_id is None:
        return None
    found = target.table("Units").get_item(Key={"id": unit_id}, ConsistentRead=True)
    return rows.plain(found["Item"]) if "Item" in found else None


def notices_of(target: Target, row: Json) -> list[Json]:
    """What was told of a rental, the oldest first."""
    # One of each kind may be there; of reminders one for each deadline that was met.
    keys = ["1", *(met.partition("@")[2] for met in row.get("deadlinesMet", ()))]
    ids = {id_of(row["id"], kind, key) for kind in NoticeKind for key in keys}
    client, table = target.dynamodb.meta.client, target.table("Notices").name
    found = map(rows.plain, rows.get_many(client, table, sorted(ids)))
    return sorted(found, key=lambda each: str(each["createdAt"]))


def payment_view(payment: Mapping[str, Any]) -> Json:
    """A payment without who paid."""
    attributes = payment["attributes"]
    return {
        "id": payment["id"],
        "status": attributes["status"],
        "amount": attributes["amount"],
        "currency": attributes["currency"],
        "method": (attributes.get("source") or {}).get("type"),
        "failed_code": attributes.get("failed_code"),
        "refunds": [
            {
                "id": each["id"],
                "status": each["attributes"]["status"],
                "amount": each["attributes"]["amount"],
            }
            for each in attributes.get("refunds") or ()
        ],
    }
