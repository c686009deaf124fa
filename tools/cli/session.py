"""What all commands share: which stack, tables or JSON, and errors that say what to do."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from tools.ops.errors import CommandError
from tools.ops.explaining import EXPLAINED, explain
from tools.ops.target import Target

# Options of the program that people also write after the command.
_WITH_VALUE = ("--profile", "--region", "--endpoint-url", "--stack-name", "--time-zone")
_FLAGS = ("--json",)
_WIDTH_OF_FILES = 160

Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to watch the settlement; 0 returns at once.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]

EPILOG = (
    "Of every command, before or after it: --profile, --region, --endpoint-url, --stack-name,"
    " --time-zone, --json. Without them and without AWS settings in the environment, commands act"
    " on the stack of `make run`."
)


@dataclass
class Session:
    """One run of a command: where it acts and how it speaks.

    Results go to stdout, as tables or as one JSON document; everything else to stderr.
    """

    target: Target
    as_json: bool = False

    def __post_init__(self) -> None:
        self.console = _console(sys.stdout)
        self.messages = _console(sys.stderr)

    def note(self, text: str) -> None:
        """Tell what is going on."""
        if not self.as_json:
            self.messages.print(text, soft_wrap=True)

    def note_target(self) -> None:
        """Say, before anything is changed, where it will happen."""
        self.note(f"On {self.target.describe()}")

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show that something takes a moment."""
        if self.as_json:
            yield
            return
        with self.messages.status(what):
            yield

    def show(self, data: Any, *renderables: Any) -> None:
        """The result: as JSON, or as these tables and texts."""
        if self.as_json:
            print(json.dumps(data, indent=2, ensure_ascii=False, default=str))
            return
        for each in renderables:
            self.console.print(each, soft_wrap=isinstance(each, str | Text))

    def add(self, data: Any, renderable: Any) -> None:
        """One of results that come in one by one: as a line of JSON, or as this text."""
        if self.as_json:
            print(json.dumps(data, ensure_ascii=False, default=str), flush=True)
        else:
            self.console.print(renderable, soft_wrap=True)
            self.console.file.flush()

    def confirm(self, question: str, *, assume_yes: bool) -> None:
        """Ask before something that cannot be undone; without a terminal, refuse.

        Raises CommandError when the answer is no.
        """
        if assume_yes:
            return
        if self.as_json or not sys.stdin.isatty():
            raise CommandError("this asks first, and there is nobody to ask", "give --yes")
        if not typer.confirm(question, err=True):
            raise CommandError("nothing was done")


def _console(stream: TextIO) -> Console:
    """A file or a pipe has no width of its own; tables that are cut help nobody there."""
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _WIDTH_OF_FILES)


class Commands(TyperGroup):
    """The program's commands, with global options allowed anywhere and errors explained."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the options of the program before the command."""
        return super().parse_args(ctx, hoisted(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error is one sentence, a hint and an exit code."""
        try:
            return super().invoke(ctx)
        except EXPLAINED as error:
            failure = explain(error, _session(ctx).target)
        except OSError as error:
            if error.filename is None:
                raise
            failure = CommandError(
                f"{error.filename}: {error.strerror}", "name another file or folder"
            )
        _tell(_session(ctx), failure)
        return ctx.exit(failure.exit_code)


def _tell(session: Session, failure: CommandError) -> None:
    if session.as_json:
        print(json.dumps({"error": str(failure), "hint": failure.hint}), file=sys.stderr)
        return
    session.messages.print(str(failure), style="red", markup=False, soft_wrap=True)
    if failure.hint:
        session.messages.print(failure.hint, markup=False, soft_wrap=True)


def _session(ctx: Any) -> Session:
    """That of the command, or what is known of it when its options mean nothing."""
    if isinstance(ctx.obj, Session):
        return ctx.obj
    return Session(Target(), as_json=bool(ctx.params.get("as_json")))


def hoisted(args: Sequence[str]) -> list[str]:
    """The same arguments with the program's own options first."""
    ours: list[str] = []
    rest: list[str] = []
    remaining = list(args)
    while remaining:
        each = remaining.pop(0)
        if each == "--":
            rest += [each, *remaining]
            break
        if each in _FLAGS or (each.partition("=")[0] in _WITH_VALUE and "=" in each):
            ours.append(each)
        elif each in _WITH_VALUE and remaining:
            ours += [each, remaining.pop(0)]
        else:
            rest.append(each)
    return ours + rest
