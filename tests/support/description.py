"""Every answer that a workflow test gets is one that openapi.yaml describes."""

import json
import re
from functools import cache
from typing import Any

import httpx
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tools.sources.openapi import published_description

# API Gateway's own answers to what is no route, and the front door's when it gets none.
_NOT_OURS = {"ROUTE_NOT_FOUND", "BAD_REQUEST", "THROTTLED", "BAD_GATEWAY"}


@cache
def _document() -> Any:
    return json.loads(published_description())


@cache
def _validator(path: str, verb: str, status: int) -> OAS30Validator | None:
    """What validates such an answer, or None when it has no body. KeyError: not described."""
    answer = _document()["paths"][path][verb]["responses"][str(status)]
    if "content" not in answer:
        return None
    name: str = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return validator_of(name)


def validator_of(name: str) -> OAS30Validator:
    """What validates an answer by this schema of the published description."""
    whole = DRAFT4.create_resource(_document())
    inside = {"$ref": f"urn:api#/components/schemas/{name}"}
    return OAS30Validator(inside, registry=Registry().with_resource("urn:api", whole))


def _path_of(path: str) -> str | None:
    for each in _document()["paths"]:
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", each), path):
            return str(each)
    return None


def answers_as_described(answer: httpx.Response) -> None:
    """Fails when an answer of the API is not one that the published description allows."""
    request = answer.request
    path, verb = _path_of(request.url.path), request.method.lower()
    if path is None or verb not in _document()["paths"][path]:
        return
    answer.read()
    if answer.headers.get("Content-Type", "").startswith("application/json"):
        body = answer.json() if answer.content else {}
        # The engine has words of its own for a function that it could not start in time.
        if body.get("code") in _NOT_OURS or (answer.status_code >= 500 and "success" not in body):
            return
    try:
        validator = _validator(path, verb, answer.status_code)
    except KeyError:
        raise AssertionError(f"{verb} {path}: {answer.status_code} is not described") from None
    if validator is not None:
        what = f"{verb} {path} {answer.status_code}: {answer.text[:300]!r}"
        try:
            body = answer.json()
        except ValueError:
            raise AssertionError(f"{what} is no JSON") from None
        errors = [f"{list(each.path)}: {each.message}" for each in validator.iter_errors(body)]
        assert errors == [], f"{what} {errors}"
