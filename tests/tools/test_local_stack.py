"""One folder of state, one stack."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tools.local.stack import LocalStack, Settings
from tools.local.state import StartupError, hold
from tools.sources import ROOT


def test_a_second_stack_is_refused_a_folder_that_is_in_use(tmp_path: Path) -> None:
    with (
        hold(tmp_path / "new"),
        pytest.raises(StartupError, match=r"^another stack runs with STATE_DIR=.*/new; stop it"),
    ):
        LocalStack(Settings(state_dir=tmp_path / "new")).start_services()

    hold(tmp_path / "new").close()


def test_a_stack_that_was_killed_leaves_its_folder_to_the_next(tmp_path: Path) -> None:
    program = """
        import pathlib, signal, sys
        from tools.local.state import hold
        held = hold(pathlib.Path(sys.argv[1]))
        print("holds it", flush=True)
        signal.pause()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds it\n"
        with pytest.raises(StartupError, match="another stack"):
            hold(tmp_path)
        process.kill()

    hold(tmp_path).close()


def test_what_is_no_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StartupError, match=r"STATE_DIR=.*/file cannot be used \(File exists\)"):
        LocalStack(Settings(state_dir=tmp_path / "file")).start_services()
