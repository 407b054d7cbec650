"""The graph of a dvc.yaml: its stages, its edges and where the boxes stand."""

import re
from pathlib import Path

import pytest

from encdec.dvc_graph import Stage, read_stages
from encdec.report.drawing import BOX_HEIGHT, BOX_WIDTH, draw
from encdec.report.graph import Edge, find_edges


def stage(name: str, *, deps: tuple[str, ...] = (), outs: tuple[str, ...] = ()) -> Stage:
    verb, _, item = name.partition("@")
    return Stage(verb, item, "", "", deps, outs)


def names(path: Path) -> set[tuple[str, str]]:
    stages = read_stages(path)
    return {(stages[edge.before].name, stages[edge.after].name) for edge in find_edges(stages)}


def test_foreach_is_unrolled_with_its_references_put_in(graph: Path) -> None:
    stages = {found.name: found for found in read_stages(graph)}
    assert len(stages) == 1 + 2 + 2 + 3 * 6 + 1
    assert stages["ingest@pairs"].command == "python pipelines/ingest.py pairs --out data/01_raw/pairs"
    assert stages["ingest@pairs"].description == "Fetch the named source."
    assert stages["prepare@images"].deps == ("data/01_raw/images",)  # foreach over a list: ${item} is the value
    assert stages["train@seq2seq"].deps == ("data/03_prepared/pairs/train", "data/04_tuning/seq2seq")
    assert stages["evaluate@vae"].outs == ("data/06_evaluation/vae/details", "data/06_evaluation/vae/metrics.json")


def test_edges_follow_files_and_leave_out_what_others_imply(graph: Path) -> None:
    found = names(graph)
    assert ("prepare@images", "tune@vae") in found
    assert ("tune@vae", "train@vae") in found
    assert ("prepare@images", "train@vae") not in found  # it reads the train folder, but tune does before it
    assert ("evaluate@seq2seq", "report") in found  # report reads the folder above
    assert ("prepare@pairs", "tune@vae") not in found


def test_edges_of_the_real_graph_lead_from_check_to_report(root: Path) -> None:
    path = root / "dvc.yaml"
    found = names(path)
    targets = {after for _, after in found}
    assert {stage.name for stage in read_stages(path)} - targets == {"check"}  # nothing else reads nothing
    assert {before for before, _ in found} >= targets - {"report"}


def test_paths_overlap_by_whole_parts() -> None:
    stages = (stage("a", outs=("data/01",)), stage("b", deps=("data/01/x",)), stage("c", deps=("data/011",)))
    assert find_edges(stages) == (Edge(0, 1),)


def test_boxes_stand_right_of_what_they_read_and_apart() -> None:
    stages = (
        stage("end", deps=("b", "c")),
        stage("start", outs=("a",)),
        stage("upper", deps=("a",), outs=("b",)),
        stage("lower", deps=("a",), outs=("c",)),
    )
    drawing = draw(stages, find_edges(stages))
    at = {box.stage.name: (box.x, box.y) for box in drawing.boxes}
    assert at["start"][0] < at["upper"][0] == at["lower"][0] < at["end"][0]
    assert abs(at["upper"][1] - at["lower"][1]) >= BOX_HEIGHT
    assert at["start"][1] == at["end"][1]  # both in the middle
    assert len(drawing.curves) == 4
    assert drawing.width >= at["end"][0] + BOX_WIDTH
    start_x, start_y = at["start"][0] + BOX_WIDTH, at["start"][1] + BOX_HEIGHT // 2
    assert sum(curve.startswith(f"M{start_x} {start_y}C") for curve in drawing.curves) == 2


def test_boxes_of_the_real_graph_do_not_overlap(root: Path) -> None:
    stages = read_stages(root / "dvc.yaml")
    boxes = draw(stages, find_edges(stages)).boxes
    places = [(box.x, box.y) for box in boxes]
    for first in range(len(places)):
        for x, y in places[:first]:
            assert abs(x - places[first][0]) >= BOX_WIDTH or abs(y - places[first][1]) >= BOX_HEIGHT


def test_long_edge_runs_in_a_lane_of_its_own_and_behind_no_box(root: Path) -> None:
    stages = (
        stage("start", outs=("a",)),
        stage("first", deps=("a",), outs=("b",)),
        stage("second", deps=("b",), outs=("c",)),
        stage("side", deps=("a",), outs=("d",)),
        stage("end", deps=("c", "d")),
    )
    drawing = draw(stages, find_edges(stages))
    at = {box.stage.name: box for box in drawing.boxes}
    assert at["side"].x == at["second"].x  # as near to its reader as it can
    lanes = [re.fullmatch(r"M(\d+) (\d+)H(\d+)", curve) for curve in drawing.curves]
    [(left, y, right)] = [tuple(int(part) for part in lane.groups()) for lane in lanes if lane]
    assert (left, right) == (at["first"].x, at["first"].x + BOX_WIDTH)
    assert not at["first"].y <= y <= at["first"].y + BOX_HEIGHT


def test_no_lane_of_the_real_graph_meets_a_box(root: Path) -> None:
    stages = read_stages(root / "dvc.yaml")
    drawing = draw(stages, find_edges(stages))
    lanes = [re.fullmatch(r"M(\d+) (\d+)H(\d+)", curve) for curve in drawing.curves]
    assert sum(lane is not None for lane in lanes) == 2  # prepare to the baselines, of images and of pairs
    for lane in lanes:
        if lane is not None:
            column = [box for box in drawing.boxes if box.x == int(lane[1])]
            assert not any(box.y <= int(lane[2]) <= box.y + BOX_HEIGHT for box in column)
    assert all(0 <= box.y <= drawing.height - BOX_HEIGHT for box in drawing.boxes)


def test_circle_is_refused() -> None:
    stages = (stage("a", deps=("y",), outs=("x",)), stage("b", deps=("x",), outs=("y",)))
    with pytest.raises(ValueError, match="read each other in a circle"):
        draw(stages, (Edge(0, 1), Edge(1, 0)))


def test_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dvc.yaml"
    with pytest.raises(ValueError, match=r"dvc\.yaml: no such file"):
        read_stages(path)
    path.write_text("stages: [")
    with pytest.raises(ValueError, match=r"dvc\.yaml: not valid YAML"):
        read_stages(path)
    path.write_text("vars: []")
    with pytest.raises(ValueError, match="no section `stages`"):
        read_stages(path)
