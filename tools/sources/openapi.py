"""The API's description as it is published: openapi.yaml without what only API Gateway needs."""

import json
from typing import Any

import yaml

from tools.sources import ROOT

TITLE = "MongoCollectibles rentals"  # the file has the API's name in API Gateway instead
SOURCE = ROOT / "openapi.yaml"
# Preflights are the browser's business, and the header of this security scheme the distribution's.
_NOT_FOR_CALLERS = {"options", "distribution"}


def published_description() -> bytes:
    """The OpenAPI document at /openapi.json, for people and programs that call the API."""
    document = _published(yaml.safe_load(SOURCE.read_text()))
    document["info"]["title"] = TITLE
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _published(value: Any) -> Any:
    if isinstance(value, dict):
        found = {
            key: _published(each)
            for key, each in value.items()
            if not key.startswith("x-amazon-") and key not in _NOT_FOR_CALLERS
        }
        if found.get("nullable") and "enum" in found:
            found["enum"].append(None)  # as OpenAPI asks; CloudFormation refuses a null in the file
        return found
    if isinstance(value, list):
        return [_published(each) for each in value]
    return value
