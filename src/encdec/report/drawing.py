"""Where each stage stands in the picture of the graph: a column per step, a box per stage, a curve per edge."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from encdec.dvc_graph import Stage
from encdec.report.graph import Edge

BOX_WIDTH, BOX_HEIGHT = 146, 40
COLUMN, ROW, LANE = 188, 52, 22
MARGIN = 6


class Box(NamedTuple):
    """`x`, `y`: the upper left corner."""

    stage: Stage
    x: int
    y: int


class Drawing(NamedTuple):
    """`curves`: the `d` of an SVG path for each piece of an edge."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    curves: tuple[str, ...]


class Layers(NamedTuple):
    """Nodes by column: a stage is its number; numbers from `stages` on are lanes, where an edge passes a column.

    `links` lead from one column to the next, each given once.
    """

    stages: int
    columns: list[list[int]]
    links: tuple[tuple[int, int], ...]


def draw(stages: Sequence[Stage], edges: Sequence[Edge]) -> Drawing:
    """A stage stands right of all that it reads, as near as it can to what reads it; no edge runs behind a box.

    Raises:
        ValueError: the stages read each other in a circle.
    """
    layers = layers_of(columns_of(len(stages), edges), edges)
    middles, height = heights(layers)
    column_of = {node: number for number, column in enumerate(layers.columns) for node in column}
    left = {node: MARGIN + column * COLUMN for node, column in column_of.items()}
    across = tuple(
        f"M{left[lane]} {middles[lane]}H{left[lane] + BOX_WIDTH}" for lane in sorted(left) if lane >= layers.stages
    )
    return Drawing(
        width=2 * MARGIN + max(0, len(layers.columns) - 1) * COLUMN + BOX_WIDTH,
        height=height,
        boxes=tuple(Box(stage, left[node], middles[node] - BOX_HEIGHT // 2) for node, stage in enumerate(stages)),
        curves=tuple(
            curve((left[before] + BOX_WIDTH, middles[before]), (left[after], middles[after]))
            for before, after in layers.links
        )
        + across,
    )


def columns_of(count: int, edges: Sequence[Edge]) -> list[int]:
    """The column of each stage: the longest way to it, then moved right up to what reads it first."""
    depth: dict[int, int] = {}
    while len(depth) < count:
        ready = {
            stage
            for stage in range(count)
            if stage not in depth and all(edge.before in depth for edge in edges if edge.after == stage)
        }
        if not ready:
            raise ValueError("dvc.yaml: its stages read each other in a circle")
        for stage in ready:
            depth[stage] = 1 + max((depth[edge.before] for edge in edges if edge.after == stage), default=-1)
    for stage in sorted(depth, key=lambda each: -depth[each]):
        depth[stage] = min((depth[edge.after] - 1 for edge in edges if edge.before == stage), default=depth[stage])
    return [depth[stage] for stage in range(count)]


def layers_of(depth: Sequence[int], edges: Sequence[Edge]) -> Layers:
    """Edges that skip columns get a lane in each; those from one stage share theirs."""
    columns: list[list[int]] = [[] for _ in range(1 + max(depth, default=-1))]
    for stage, column in enumerate(depth):
        columns[column].append(stage)
    lanes: dict[tuple[int, int], int] = {}
    links: dict[tuple[int, int], None] = {}
    for before, after in edges:
        last = before
        for column in range(depth[before] + 1, depth[after]):
            if (before, column) not in lanes:
                lanes[before, column] = len(depth) + len(lanes)
                columns[column].append(lanes[before, column])
            links[last, lanes[before, column]] = None
            last = lanes[before, column]
        links[last, after] = None
    return Layers(len(depth), columns, tuple(links))


def heights(layers: Layers) -> tuple[Mapping[int, int], int]:
    """The middle of each node, and the height of the whole.

    A column is sorted by the mean height of what its nodes follow (equal ones keep their order) and stands centred.
    """
    room = [[ROW if node < layers.stages else LANE for node in column] for column in layers.columns]
    tallest = max((sum(sizes) for sizes in room), default=0)
    middles: dict[int, int] = {}
    for column in layers.columns:
        wanted = {}
        for place, node in enumerate(column):
            above = [middles[before] for before, after in layers.links if after == node]
            wanted[node] = sum(above) / len(above) if above else float(place)
        y = MARGIN + (tallest - sum(ROW if node < layers.stages else LANE for node in column)) // 2
        for node in sorted(column, key=lambda each: wanted[each]):
            size = ROW if node < layers.stages else LANE
            middles[node] = y + size // 2
            y += size
    return middles, 2 * MARGIN + tallest


def curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    bend = (COLUMN - BOX_WIDTH) * 3 // 4
    return f"M{start[0]} {start[1]}C{start[0] + bend} {start[1]} {end[0] - bend} {end[1]} {end[0]} {end[1]}"
