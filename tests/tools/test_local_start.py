"""`make run` with settings that it cannot start with."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tools.local.__main__ import main
from tools.local.stack import LocalStack

app = typer.Typer()
app.command()(main)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("AWS_PORT", "abc"),
        ("PAYMONGO_PORT", "70000"),
        ("HOLD_SECONDS", "86401"),
        ("DAY_SECONDS", "9"),
        ("TIME_ZONE", "Manila"),
        ("STATE_DIR", __file__),
    ],
)
def test_a_wrong_setting_is_named_before_anything_starts(name: str, value: str) -> None:
    result = CliRunner().invoke(app, env={name: value})

    assert result.exit_code == 2
    assert f"env var: '{name}'" in " ".join(result.stderr.split())


def test_a_folder_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(stack: LocalStack, _: object) -> None:
        raise PermissionError(13, "Permission denied", str(stack.settings.state_dir))

    monkeypatch.setattr(LocalStack, "start", refuse)

    result = CliRunner().invoke(app, env={"STATE_DIR": str(tmp_path)})

    assert result.exit_code == 1
    assert "STATE_DIR" in result.stdout
    assert "Permission denied" in result.stdout
