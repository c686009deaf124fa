"""JSON Schemas that editors check sample events and import files by, made from the code.

    python -m tools.building.schemas        # writes .vscode/schemas/

`.vscode/settings.json` says which file each is for; a test holds them to it.
"""

import json
from typing import Any

from rentals.models import EndReason
from tools.importing.models import FILES
from tools.sources import ROOT

FOLDER = ROOT / ".vscode" / "schemas"

Json = dict[str, Any]


def schemas() -> dict[str, Json]:
    """Every schema by the name of its file."""
    made: dict[str, Json] = {
        f"{table.lower()}.schema.json": {
            "type": "array",
            "items": _closed(model.model_json_schema(by_alias=True)),
        }
        for table, model in FILES.items()
    }
    for schema in made.values():
        # References are to the root of the document.
        schema["$defs"] = schema["items"].pop("$defs", {})
    return made | {"task-input.schema.json": task_input()}


def task_input() -> Json:
    """What a Task state hands to its function."""
    states = sorted(
        {
            name
            for path in (ROOT / "statemachines").glob("*.asl.json")
            for name, state in json.loads(path.read_text())["States"].items()
            if state["Type"] == "Task"
        }
    )
    return {
        "title": "Task input",
        "description": "Ids and reasons, no personal data: it is shown in the console.",
        "type": "object",
        "required": ["rental_id", "state"],
        "additionalProperties": False,
        "properties": {
            "rental_id": {"type": "string", "description": "Names the rental's execution, too."},
            "state": {"enum": states, "description": "For the log lines."},
            "reason": {
                "type": "string",
                "examples": list(EndReason),
                "description": "ReleaseUnit: why the rental ends unpaid.",
            },
            "problem": {
                "type": "string",
                "description": "FlagForAttention: the error that stopped the settlement.",
            },
            "refund_requested": {
                "type": "boolean",
                "description": "RefundSurplus: an operator wants the payment given back.",
            },
        },
    }


def _closed(schema: Json) -> Json:
    return schema | {"title": schema["title"].removesuffix("Row")}


def text(schema: Json) -> str:
    """As it is stored."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every schema."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / name).write_text(text(schema))


if __name__ == "__main__":
    main()
