"""Where the states of a machine and the arrows between them are drawn: Graphviz decides."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import pygraphviz

from tools.sources.asl import Reason, StateMachine

NODE_HEIGHT = 46
# Room for the longest name of a machine, in the widest of the site's fonts.
_NODE_WIDTHS = (150, 340)
_CHARACTER_WIDTH = 8.5
_ROOM_FOR_BADGE = 46
_MARGIN = 6
_POINTS_PER_INCH = 72
# Graphviz keeps its state in globals.
_graphviz = threading.Lock()

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Arrow:
    """All transitions from one state to another as one line. `path` is SVG path data, `middle` a
    point on it; `catches` says that only errors go this way.
    """

    source: str
    target: str
    path: str
    middle: Point
    catches: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing in CSS pixels, the origin at the top left; `states` are centres by name."""

    width: float
    height: float
    node_width: float
    states: Mapping[str, Point]
    arrows: tuple[Arrow, ...]
    start: Point


@lru_cache(maxsize=64)
def _positions(
    names: tuple[str, ...], pairs: tuple[tuple[str, str, bool], ...], node_width: float
) -> tuple[Point, dict[str, str], dict[tuple[str, str], str]]:
    """Graphviz's own answer: the size, `pos` by state, and `pos` by pair of states."""
    with _graphviz:
        graph = pygraphviz.AGraph(directed=True, nodesep="0.3", ranksep="0.42")
        graph.node_attr.update(
            shape="box",
            label="",
            fixedsize="true",
            width=str(node_width / _POINTS_PER_INCH),
            height=str(NODE_HEIGHT / _POINTS_PER_INCH),
        )
        graph.edge_attr.update(arrowhead="none")
        # By number: a name may be anything.
        number = {name: str(index) for index, name in enumerate(names)}
        graph.add_nodes_from(number.values())
        for source, target, catches in pairs:
            # What goes well is a straight line; errors bend around it.
            graph.add_edge(number[source], number[target], weight="1" if catches else "8")
        graph.layout(prog="dot")
        _, _, width, height = map(float, graph.graph_attr["bb"].split(","))
        nodes = {name: graph.get_node(number[name]).attr["pos"] for name in names}
        edges = {
            (source, target): graph.get_edge(number[source], number[target]).attr["pos"]
            for source, target, _ in pairs
        }
        graph.close()
    return (width, height), nodes, edges


def draw(machine: StateMachine) -> Picture:
    """Lay out a state machine."""
    together: dict[tuple[str, str], list[str]] = {}
    errors_only: dict[tuple[str, str], bool] = {}
    for each in machine.transitions:
        pair = (each.source, each.target)
        together.setdefault(pair, []).extend(each.errors or [each.reason])
        errors_only[pair] = errors_only.get(pair, True) and each.reason is Reason.CATCH
    # A loop to itself needs no line of its own to be understood, and none of ours has one.
    pairs = tuple((*pair, only) for pair, only in errors_only.items() if pair[0] != pair[1])
    longest = max(map(len, machine.states))
    narrowest, widest = _NODE_WIDTHS
    node_width = min(max(narrowest, _ROOM_FOR_BADGE + _CHARACTER_WIDTH * longest), widest)
    (width, height), nodes, edges = _positions(tuple(machine.states), pairs, node_width)

    top = _MARGIN + 26  # the start's dot

    def place(text: str) -> Point:
        x, y = map(float, text.split(","))
        return round(x + _MARGIN, 1), round(height - y + top, 1)

    states = {name: place(position) for name, position in nodes.items()}
    arrows = []
    for source, target, catches in pairs:
        points = [place(point) for point in re.split(r"\s+", edges[source, target].strip())]
        arrows.append(
            Arrow(
                source=source,
                target=target,
                path=_path(points),
                middle=points[len(points) // 2],
                catches=catches,
                labels=tuple(dict.fromkeys(together[source, target])),
            )
        )
    first = states[machine.start]
    return Picture(
        width=round(width + 2 * _MARGIN, 1),
        height=round(height + top + _MARGIN, 1),
        node_width=node_width,
        states=states,
        arrows=tuple(arrows),
        start=(first[0], _MARGIN + 5),
    )


def _path(points: list[Point]) -> str:
    """Graphviz's points are those of Bézier curves, each beginning where the last one ended."""
    start, *rest = (f"{x:g} {y:g}" for x, y in points)
    return f"M {start} C {' '.join(rest)}"
