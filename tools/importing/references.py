"""Rows that must fit each other: what they name is there, and who holds what is said once."""

from collections.abc import Mapping

from tools.importing.models import Item
from tools.importing.reading import Export

# The rows that the catalogue's tables have, by table and id.
Known = Mapping[str, Mapping[str, Item]]


def check_references(export: Export, known: Known) -> None:
    """Reject rows that name what is neither in the files nor, as `known` says, in the tables."""
    _check_spelling(export, known)

    def exists(table: str, row_id: str) -> bool:
        return row_id in export.rows[table] or row_id in known.get(table, ())

    for row in list(export.warehouses.values()):
        unknown = sorted(each for each in row.distances if not exists("Stores", each))
        if unknown:
            export.reject("Warehouses", row.id, f"there is no store {', '.join(unknown)}")
    _check_stores_are_reached(export, known)
    for unit in list(export.units.values()):
        for table, row_id in (
            ("Collectibles", unit.collectible_id),
            ("Warehouses", unit.warehouse_id),
        ):
            if not exists(table, row_id):
                export.reject("Units", unit.id, f"there is no {table.lower()[:-1]} {row_id}")
                break
    _check_holders(export)


def _check_spelling(export: Export, known: Known) -> None:
    for table, there in known.items():
        spellings = {each.lower(): each for each in there}
        for row_id in list(export.rows[table]):
            spelling = spellings.get(row_id.lower(), row_id)
            if spelling != row_id:
                export.reject(table, row_id, f"is in the table as {spelling}")


def _check_stores_are_reached(export: Export, known: Known) -> None:
    """A store that no warehouse has a distance to could be chosen, and everything would be sold out
    there.
    """
    before = {key: set(row["distances"]) for key, row in known.get("Warehouses", {}).items()}
    after = before | {key: set(row.distances) for key, row in export.warehouses.items()}
    reached, was_reached = set[str]().union(*after.values()), set[str]().union(*before.values())
    for store_id in export.rows["Stores"].keys() - reached:
        export.reject("Stores", store_id, "no warehouse has a distance to it: add it to warehouses")
    for store_id in (known.get("Stores", {}).keys() & was_reached) - reached:
        for key in [key for key in export.warehouses if store_id in before.get(key, ())]:
            export.reject("Warehouses", key, f"leaves store {store_id} without a warehouse")


def _check_holders(export: Export) -> None:
    """Units and past rentals must agree on who holds what, as the promise wants it."""
    holders: dict[str, str] = {}
    for rental in list(export.rentals.values()):
        if rental.unit_id is None:
            continue
        unit = export.units.get(rental.unit_id)
        problem = None
        if unit is None:
            problem = f"holds unit {rental.unit_id}, which is not in the units"
        elif unit.status is not None:
            problem = f"holds unit {unit.id}, which the units says is {unit.status}"
        elif unit.is_available == "true":
            problem = f"holds unit {unit.id}, which the units says is available"
        elif unit.collectible_id != rental.collectible_id:
            problem = f"holds unit {unit.id}, which is of {unit.collectible_id}"
        elif unit.id in holders:
            problem = f"holds unit {unit.id}, and so does {holders[unit.id]}"
        if problem:
            export.reject("Rentals", rental.id, problem)
        else:
            holders[rental.unit_id] = rental.id
    for unit in list(export.units.values()):
        is_held = unit.is_available == "false" and unit.status is None
        if is_held and unit.id not in holders:
            export.reject(
                "Units",
                unit.id,
                "is unavailable, and no completed rental has it as its unitId: give it to that"
                " rental, say its status, or leave the unit out until it is back",
            )
