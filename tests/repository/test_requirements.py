"""What ships is what is locked, and what is installed is what is used."""

import ast
import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.pylock import Pylock
from packaging.utils import canonicalize_name

from tests.support.imports import imported_packages
from tools.sources import ROOT

# As the Makefile says.
EXPORT = "export --frozen --no-dev --no-emit-project --prune boto3 --no-hashes --no-header"
REQUIREMENTS = ROOT / "functions" / "requirements.txt"


RUN_GROUPS = "--no-default-groups --group local"


def uv() -> str:
    """uv as the Makefile finds it: the variable UV, then .uv/, then the PATH."""
    candidates = (os.environ.get("UV"), str(ROOT / ".uv" / "bin" / "uv"), shutil.which("uv"))
    return next((each for each in candidates if each and shutil.which(each)), "")


needs_uv = pytest.mark.skipif(not uv(), reason="uv is not there: `make test` fetches it")


def pins(requirements: str) -> set[str]:
    return {
        line.strip()
        for line in requirements.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    }


def exported(options: str) -> str:
    """What uv says is in the lock."""
    return subprocess.run(
        [uv(), *options.split()],
        cwd=ROOT,
        env={**os.environ, "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def downloads(groups: str) -> dict[str, int]:
    """Bytes by package of what these groups install on this machine."""
    text = exported(f"export --frozen --format pylock.toml --no-emit-project {groups}")
    lock = Pylock.from_dict(tomllib.loads(text))
    return {package.name: getattr(file, "size", 0) for package, file in lock.select()}


@needs_uv
def test_the_package_gets_what_the_lock_says() -> None:
    assert pins(REQUIREMENTS.read_text()) == pins(exported(EXPORT)), "run: make generate"


@needs_uv
@pytest.mark.parametrize(("name", "groups"), [("RUN_MB", RUN_GROUPS), ("ALL_MB", "")])
def test_make_says_how_much_it_downloads(name: str, groups: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    said = re.search(rf"^{name} := (\d+)$", makefile, flags=re.MULTILINE)

    megabytes = sum(downloads(groups).values()) / 1_000_000
    assert said is not None
    # Wheels differ a little between machines.
    assert int(said[1]) == pytest.approx(megabytes, rel=0.15)


@needs_uv
def test_what_runs_imports_nothing_that_only_development_installs() -> None:
    installed = downloads(RUN_GROUPS)
    origins = packages_distributions()
    paths = [*(ROOT / "tools").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    used = {
        canonicalize_name(distribution)
        for path in paths
        if "measuring" not in path.parts
        for name in imported_packages(ast.parse(path.read_text()))
        if not name.startswith("mypy_boto3_")  # types, which nothing loads
        for distribution in origins.get(name, [])
    }

    assert "starlette" in used
    assert used - installed.keys() == set()


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
