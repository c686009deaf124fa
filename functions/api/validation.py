"""Checking outside data: pydantic's core, which is what pydantic's models run on.

The rest of pydantic builds a model's schema when the module is imported, which costs a cold start
more than everything else that a handler loads (docs/performance.md); here it is written out.
"""

from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

from pydantic_core import CoreSchema, SchemaValidator, ValidationError, core_schema

Made = TypeVar("Made")


class Shape(Generic[Made]):
    """An object with these fields, and what is made of it: `make` is called with the fields."""

    def __init__(
        self,
        make: Callable[..., Made],
        fields: dict[str, CoreSchema],
        *,
        extra: Literal["forbid", "ignore"],
    ) -> None:
        self.fields = fields
        self.schema = object_schema(make, fields, extra=extra)
        self._validator = SchemaValidator(self.schema)

    def read(self, value: Any) -> Made:
        """Raises pydantic_core.ValidationError, which has every mistake."""
        made: Made = self._validator.validate_python(value)
        return made

    def read_leniently(self, value: Any, *, at: str) -> tuple[Made | None, list[str]]:
        """What can be read, and what cannot: `at.field.of.it: kind of mistake`, and no values.

        Optional and expected fields that cannot be read are None, items of lists are left out. None
        when the rest is not enough.
        """
        try:
            return self.read(value), []
        except ValidationError as error:
            mistakes = [
                ".".join([at, *map(str, each["loc"])]) + ": " + each["type"]
                for each in error.errors(
                    include_url=False, include_context=False, include_input=False
                )
            ]
        try:
            return SchemaValidator(_lenient(self.schema)).validate_python(value), mistakes
        except ValidationError:
            return None, mistakes


def object_schema(
    make: Callable[..., Any], fields: dict[str, CoreSchema], *, extra: Literal["forbid", "ignore"]
) -> CoreSchema:
    """The schema of a Shape, for one that is only read as a part of others."""
    checked = core_schema.typed_dict_schema(
        {name: core_schema.typed_dict_field(field) for name, field in fields.items()},
        extra_behavior=extra,
    )
    return core_schema.no_info_after_validator_function(lambda found: make(**found), checked)


def optional(field: CoreSchema) -> CoreSchema:
    """A field that may be null or missing."""
    return core_schema.with_default_schema(core_schema.nullable_schema(field), default=None)


def expected(field: CoreSchema) -> CoreSchema:
    """A field that should be there, and that reading leniently can do without."""
    return core_schema.with_default_schema(field)


def _lenient(schema: Any) -> Any:
    changed = dict(schema)
    if "schema" in changed:
        changed["schema"] = _lenient(changed["schema"])
    if changed["type"] == "typed-dict":
        changed["fields"] = {
            name: {**field, "schema": _lenient(field["schema"])}
            for name, field in changed["fields"].items()
        }
    elif changed["type"] == "list":
        item = _lenient(changed["items_schema"])
        changed["items_schema"] = core_schema.with_default_schema(item, on_error="omit")
    elif changed["type"] == "default":
        changed |= {"default": None, "on_error": "default"}
    return changed
