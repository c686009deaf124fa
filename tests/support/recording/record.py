"""The record of a whole test run, in files, so that workers of a run can each write their own."""

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field

from tests.support.recording.recorder import Use
from tools.sources import ROOT

DIRECTORY = ROOT / ".local" / "recorded"
# What a record is of: when one of these changes, it says nothing any more.
_SOURCES = ("template.yaml", "statemachines/*.json", "functions/**/*.py")


@dataclass
class Record:
    """What was used in a run, and whether the run was all of the suite."""

    uses: Counter[Use] = field(default_factory=Counter)
    collected: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    is_selection: bool = False
    fingerprint: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every test of the suite ran and passed."""
        return bool(self.collected) and not self.is_selection and self.passed >= self.collected

    @property
    def is_current(self) -> bool:
        """Whether it is of the code as it is now."""
        return self.fingerprint == fingerprint()


def fingerprint() -> str:
    """Of everything that decides which calls are made and allowed."""
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def forget() -> None:
    """Before a run: records of earlier ones are of no use."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)


def save(record: Record, worker: str) -> None:
    """Write what one worker recorded."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    content = {
        "uses": [[*use, count] for use, count in sorted(record.uses.items())],
        "collected": sorted(record.collected),
        "passed": sorted(record.passed),
        "is_selection": record.is_selection,
        "fingerprint": record.fingerprint,
    }
    (DIRECTORY / f"{worker}.json").write_text(json.dumps(content, indent=1))


def load() -> Record:
    """What all workers of the last run recorded; empty when there was none."""
    whole = Record()
    for path in sorted(DIRECTORY.glob("*.json")):
        content = json.loads(path.read_text())
        for principal, action, resource, count in content["uses"]:
            whole.uses[(principal, action, resource)] += count
        whole.collected |= set(content["collected"])
        whole.passed |= set(content["passed"])
        whole.is_selection |= content["is_selection"]
        same = whole.fingerprint in ("", content["fingerprint"])
        whole.fingerprint = content["fingerprint"] if same else "of several versions"
    return whole
