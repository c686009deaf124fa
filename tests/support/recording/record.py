"""The record of a whole test run, kept in a file for the tests of permissions."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field

from tests.support.recording.recorder import Use
from tools.sources import ROOT

FILE = ROOT / ".local" / "recorded.json"
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
    """Before a run: the record of an earlier one is of no use."""
    FILE.unlink(missing_ok=True)


def save(record: Record) -> None:
    """Write down a run."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "uses": [[*use, count] for use, count in sorted(record.uses.items())],
        "collected": sorted(record.collected),
        "passed": sorted(record.passed),
        "is_selection": record.is_selection,
        "fingerprint": record.fingerprint,
    }
    FILE.write_text(json.dumps(content, indent=1))


def load() -> Record:
    """The last run; empty when there was none."""
    if not FILE.exists():
        return Record()
    content = json.loads(FILE.read_text())
    return Record(
        uses=Counter({(who, action, what): count for who, action, what, count in content["uses"]}),
        collected=set(content["collected"]),
        passed=set(content["passed"]),
        is_selection=content["is_selection"],
        fingerprint=content["fingerprint"],
    )
