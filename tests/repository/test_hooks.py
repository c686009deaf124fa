"""What pre-commit is told stays true."""

import re

import yaml

from tools.sources import ROOT


def test_hooks_run_what_is_installed_and_fetch_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]

    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    for hook in hooks:
        program = hook["entry"].split()[0]
        assert re.fullmatch(r"\.venv/bin/[a-z-]+", program)
        assert (ROOT / program).exists(), program
