"""Rows of tables from dataclasses and back: one attribute for each field, its name in camelCase.

A field may say otherwise in its metadata (`stored_as`).
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Entity = TypeVar("Entity")
Item = dict[str, Any]


def stored_as(name: str, *, divided_by: int) -> Any:
    """An optional whole number whose attribute has a name of its own and holds a fraction of it:
    centavos here, pesos there.
    """
    return field(default=None, metadata={"name": name, "divided_by": divided_by})


def attribute_of(each: "Field[Any]") -> str:
    """The attribute that holds a field: `warehouse_id` is stored as `warehouseId`."""
    first, *rest = each.name.split("_")
    return str(each.metadata.get("name", first + "".join(map(str.capitalize, rest))))


def to_row(entity: Any) -> Item:
    """The row of an entity; fields that have their default value are left out."""
    found = {}
    for each in fields(entity):
        value = getattr(entity, each.name)
        if value == each.default:
            continue
        if is_dataclass(value):
            value = to_row(value)
        if divided_by := each.metadata.get("divided_by"):
            value //= divided_by
        found[attribute_of(each)] = value
    return found


def from_row(kind: type[Entity], row: Mapping[str, Any]) -> Entity:
    """The entity of a row, as plain Python values. Raises KeyError for a missing attribute."""
    found = {}
    for name, attribute, read, is_required in _fields(kind):  # type: ignore[arg-type]
        value = row[attribute] if is_required else row.get(attribute)
        if value is not None:
            found[name] = read(value)
    return kind(**found)


@cache
def _fields(kind: type[Any]) -> list[tuple[str, str, Callable[[Any], Any], bool]]:
    hints = get_type_hints(kind)
    return [
        (each.name, attribute_of(each), _reader(hints[each.name], each), _is_required(each))
        for each in fields(kind)
    ]


def _is_required(each: "Field[Any]") -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _reader(hint: Any, each: "Field[Any]") -> Callable[[Any], Any]:
    if isinstance(hint, UnionType):
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    times = each.metadata.get("divided_by", 1)
    if is_dataclass(hint):
        return lambda value: from_row(hint, value)  # type: ignore[arg-type]
    if hint is int:
        return lambda value: int(value * times)
    kind: Callable[[Any], Any] = get_origin(hint) or hint
    is_converted = kind in (frozenset, tuple) or (hint is kind and issubclass(hint, StrEnum))  # type: ignore[arg-type]
    return kind if is_converted else lambda value: value
