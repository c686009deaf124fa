"""Pictures of the state machines in the documentation, drawn from their definitions.

python -m tools.building.diagrams           writes them anew (make generate)
"""

import json
import re
from collections.abc import Iterator, Sequence

from tools.sources import ROOT
from tools.sources.asl import ANY_ERROR, Reason, State, StateMachine, Transition, parse

PAGES = (ROOT / "README.md", ROOT / "docs" / "architecture.md")

_PICTURE = re.compile(
    r"(?P<begin><!-- picture of (?P<machine>\w+)(?P<short>, without last resorts)? -->\n)"
    r".*?(?P<end><!-- end of picture -->)",
    re.DOTALL,
)


def mermaid(machine: StateMachine, *, last_resorts: bool = True) -> str:
    """The machine as a Mermaid flowchart: dotted ways are taken by errors only.

    Without last resorts, no way to a Fail state is drawn.
    """
    drawn = {
        name: state
        for name, state in machine.states.items()
        if last_resorts or state.type != "Fail"
    }
    lines = ["flowchart TD", f"    start(( )) --> {machine.start}"]
    lines += [f"    {name}([{name}])" for name, state in drawn.items() if state.is_ending]
    lines += [
        f"    {name}{{{{{name}}}}}" for name, state in drawn.items() if state.type == "Choice"
    ]
    for name, state in drawn.items():
        for target in (each for each in state.targets if each in drawn):
            ways = [each for each in state.transitions if each.target == target]
            label = "<br>".join(filter(None, _labels(state, ways)))
            if all(each.reason is Reason.CATCH for each in ways):
                lines.append(f'    {name} -. "{label}" .-> {target}')
            else:
                if any(each.reason is Reason.NEXT for each in ways) and label:
                    label = f"also {label}"
                lines.append(f"    {name} -->" + (f'|"{label}"|' if label else "") + f" {target}")
    return "\n".join(lines)


def _labels(state: State, ways: Sequence[Transition]) -> Iterator[str]:
    for way in ways:
        if way.reason is Reason.CHOICE:
            yield spoken_condition(way.condition)
        elif way.reason is Reason.DEFAULT:
            yield "otherwise"
        yield from (spoken_error(error, state) for error in way.errors)


def spoken_condition(condition: str) -> str:
    """A JSONata condition without its wrapping: `paid` for `{% $states.input.paid %}`."""
    return condition.removeprefix("{%").removesuffix("%}").strip().removeprefix("$states.input.")


def spoken_error(error: str, state: State) -> str:
    """An error's name as in the definition; `States.ALL` in words."""
    if error != ANY_ERROR:
        return error
    alone = sum(each.reason is Reason.CATCH for each in state.transitions) == 1
    return "any error" if alone else "any other error"


def redrawn(page: str) -> str:
    """A page with its pictures as they should be. Raises FileNotFoundError for an unknown one."""

    def draw(marked: re.Match[str]) -> str:
        path = ROOT / "statemachines" / f"{marked['machine']}.asl.json"
        machine = parse(json.loads(path.read_text(encoding="utf-8")))
        drawing = mermaid(machine, last_resorts=not marked["short"])
        return f"{marked['begin']}```mermaid\n{drawing}\n```\n{marked['end']}"

    return _PICTURE.sub(draw, page)


def main() -> None:
    """Write every page whose pictures have changed."""
    for path in PAGES:
        before = path.read_text(encoding="utf-8")
        after = redrawn(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"drawn anew: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
