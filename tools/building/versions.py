"""Versions of functions that nobody calls any more.

SAM publishes a version of every function for each release and keeps it for ever; with SnapStart,
each is charged for as long as it is there.
"""

from typing import Any

KEPT = 2  # what is live, and what was before it


def prune(client: Any, functions: list[str]) -> int:
    """Delete all but the newest versions, none that an alias points to. Returns how many.

    `client` is Lambda's.
    """
    pruned = 0
    for name in functions:
        aliases = client.get_paginator("list_aliases").paginate(FunctionName=name)
        used = {
            version
            for page in aliases
            for alias in page["Aliases"]
            for version in (
                alias["FunctionVersion"],
                *alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", ()),
            )
        }
        pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        published = sorted(
            (
                each["Version"]
                for page in pages
                for each in page["Versions"]
                if "$" not in each["Version"]
            ),
            key=int,
        )
        for version in published[:-KEPT]:
            if version not in used:
                client.delete_function(FunctionName=name, Qualifier=version)
                pruned += 1
    return pruned
