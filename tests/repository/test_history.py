"""No secret has ever been committed."""

import re
import subprocess

import pytest

from tools.sources import ROOT

# What real secrets look like; the sandbox's and the tests' own are shorter or say what they are.
SECRETS = {
    "PayMongo's secret key": r"sk_(?:live|test)_[A-Za-z0-9]{24}",
    "PayMongo's webhook secret": r"whsk_[A-Za-z0-9]{24}",
    "an AWS access key": r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])",
    "an AWS secret key": r"(?i)aws_secret_access_key[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "a GitHub token": r"gh[pousr]_[A-Za-z0-9]{36}",
    "a Slack token": r"xox[abprs]-[A-Za-z0-9-]{10,}",
}
# AWS's own examples.
ALLOWED = {"AKIAIOSFODNN7EXAMPLE"}


def found_in(text: str) -> set[tuple[str, str]]:
    return {
        (kind, match[0])
        for kind, pattern in SECRETS.items()
        for match in re.finditer(pattern, text)
        if match[0] not in ALLOWED
    }


@pytest.mark.parametrize("kind", sorted(SECRETS))
def test_the_search_would_find_one(kind: str) -> None:
    # Put together here, so that this file holds none.
    examples = {
        "PayMongo's secret key": ["sk_", "live_", "a1B2c3D4e5F6g7H8i9J0k1L2"],
        "PayMongo's webhook secret": ["whsk", "_", "a1B2c3D4e5F6g7H8i9J0k1L2"],
        "an AWS access key": ["AKI", "AABCDEFGHIJKLMNOP"],
        "an AWS secret key": ["aws_secret_access", "_key = ", "a1B2c3D4" * 5],
        "a private key": ["-----BEGIN RSA ", "PRIVATE KEY-----"],
        "a GitHub token": ["gh", "p_", "a1B2c3D4e5F6" * 3],
        "a Slack token": ["xox", "b-", "1234567890"],
    }

    assert {each for each, _ in found_in("+key " + "".join(examples[kind]) + "\n")} == {kind}


def test_no_secret_is_in_the_repositorys_history() -> None:
    log = subprocess.run(
        ["git", "log", "--all", "-p", "--no-color", "--no-ext-diff", "--text", "--unified=0"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout.decode(errors="replace")

    assert len(log) > 100_000, "this needs the whole history: the clone is shallow"
    assert found_in(log) == set()
