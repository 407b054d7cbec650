"""Where each stage stands in the picture of the graph: a column per step, a box per stage, a curve per edge."""

from collections.abc import Sequence
from typing import NamedTuple

from encdec.report.graph import Edge, Stage

BOX_WIDTH, BOX_HEIGHT = 138, 40
COLUMN, ROW = 178, 52
MARGIN = 6


class Box(NamedTuple):
    """`x`, `y`: the upper left corner."""

    stage: Stage
    x: int
    y: int


class Drawing(NamedTuple):
    """`curves`: the `d` of an SVG path for each edge."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    curves: tuple[str, ...]


def draw(stages: Sequence[Stage], edges: Sequence[Edge]) -> Drawing:
    """A stage stands right of all that it reads; in a column, beside what it reads as far as there is room.

    Raises:
        ValueError: the stages read each other in a circle.
    """
    columns = arranged(columns_of(len(stages), edges), edges)
    tallest = max((len(column) for column in columns), default=0)
    boxes: dict[int, Box] = {}
    for number, column in enumerate(columns):
        top = MARGIN + (tallest - len(column)) * ROW // 2
        for row, stage in enumerate(column):
            boxes[stage] = Box(stages[stage], MARGIN + number * COLUMN, top + row * ROW)
    return Drawing(
        width=2 * MARGIN + max(0, len(columns) - 1) * COLUMN + BOX_WIDTH,
        height=2 * MARGIN + max(0, tallest - 1) * ROW + BOX_HEIGHT,
        boxes=tuple(boxes[stage] for stage in sorted(boxes)),
        curves=tuple(curve(boxes[edge.before], boxes[edge.after]) for edge in edges),
    )


def columns_of(count: int, edges: Sequence[Edge]) -> list[list[int]]:
    """Stages by the length of the longest way to them."""
    before: dict[int, list[int]] = {stage: [] for stage in range(count)}
    for edge in edges:
        before[edge.after].append(edge.before)
    depth: dict[int, int] = {}
    while len(depth) < count:
        ready = [stage for stage in range(count) if stage not in depth and all(b in depth for b in before[stage])]
        if not ready:
            raise ValueError("dvc.yaml: its stages read each other in a circle")
        for stage in ready:
            depth[stage] = 1 + max((depth[earlier] for earlier in before[stage]), default=-1)
    columns: list[list[int]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for stage in range(count):
        columns[depth[stage]].append(stage)
    return columns


def arranged(columns: list[list[int]], edges: Sequence[Edge]) -> list[list[int]]:
    """Each column sorted by the mean height of what its stages read; equal ones keep the order of the file."""
    height: dict[int, float] = {}
    ordered = []
    for column in columns:
        wanted = {}
        for place, stage in enumerate(column):
            above = [height[edge.before] for edge in edges if edge.after == stage and edge.before in height]
            wanted[stage] = sum(above) / len(above) if above else (place + 0.5) / len(column)
        ordered.append(sorted(column, key=lambda stage: wanted[stage]))
        height.update({stage: (place + 0.5) / len(column) for place, stage in enumerate(ordered[-1])})
    return ordered


def curve(before: Box, after: Box) -> str:
    x, y = before.x + BOX_WIDTH, before.y + BOX_HEIGHT // 2
    end_x, end_y = after.x, after.y + BOX_HEIGHT // 2
    bend = (COLUMN - BOX_WIDTH) * 3 // 4
    return f"M{x} {y}C{x + bend} {y} {end_x - bend} {end_y} {end_x} {end_y}"
