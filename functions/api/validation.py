"""Checking outside data: pydantic's core, which is what pydantic's models run on.

The rest of pydantic builds a model's schema when the module is imported, which costs a cold start
more than everything else that a handler loads (docs/performance.md); here it is written out.
"""

from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

from pydantic_core import CoreSchema, SchemaValidator, core_schema

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
        checked = core_schema.typed_dict_schema(
            {name: core_schema.typed_dict_field(field) for name, field in fields.items()},
            extra_behavior=extra,
        )
        self.schema: CoreSchema = core_schema.no_info_after_validator_function(
            lambda found: make(**found), checked
        )
        self._validator = SchemaValidator(self.schema)

    def read(self, value: Any) -> Made:
        """Raises pydantic_core.ValidationError, which has every mistake."""
        made: Made = self._validator.validate_python(value)
        return made

    def read_json(self, text: bytes) -> Made:
        """The same of JSON."""
        made: Made = self._validator.validate_json(text)
        return made


def optional(field: CoreSchema) -> CoreSchema:
    """A field that may be null or missing."""
    return core_schema.with_default_schema(core_schema.nullable_schema(field), default=None)
