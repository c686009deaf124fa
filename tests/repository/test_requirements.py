"""What ships is what is locked."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest

from tools.sources import ROOT

# As the Makefile says.
EXPORT = "export --frozen --no-dev --no-emit-project --prune boto3 --no-hashes --no-header"
REQUIREMENTS = ROOT / "functions" / "requirements.txt"


def uv() -> str:
    """uv as the Makefile finds it: the variable UV, then .uv/, then the PATH."""
    candidates = (os.environ.get("UV"), str(ROOT / ".uv" / "bin" / "uv"), shutil.which("uv"))
    return next((each for each in candidates if each and shutil.which(each)), "")


def pins(requirements: str) -> set[str]:
    return {
        line.strip()
        for line in requirements.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    }


@pytest.mark.skipif(not uv(), reason="uv is not there: `make test` fetches it")
def test_the_package_gets_what_the_lock_says() -> None:
    exported = subprocess.run(
        [uv(), *EXPORT.split()],
        cwd=ROOT,
        env={**os.environ, "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert pins(REQUIREMENTS.read_text()) == pins(exported.stdout), "run: make generate"


def test_every_requirement_is_pinned_and_locked() -> None:
    locked = {
        f"{package['name']}=={package['version']}"
        for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
        if "version" in package
    }

    shipped = {each.partition(" ;")[0] for each in pins(REQUIREMENTS.read_text())}
    assert shipped <= locked


def test_what_the_project_asks_for_is_shipped_and_boto3_is_not() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {re.split(r"[\[><=~!;\s]", each)[0] for each in project["dependencies"]}

    shipped = {each.partition("==")[0] for each in pins(REQUIREMENTS.read_text())}
    assert "boto3" in asked
    assert asked - {"boto3"} <= shipped
    # The Lambda runtime has it; a second copy costs a cold start its size.
    assert not {"boto3", "botocore", "s3transfer"} & shipped
