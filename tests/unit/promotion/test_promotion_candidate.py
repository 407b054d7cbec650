"""What a candidate was trained on, and whether it is still the one that was measured."""

from pathlib import Path

import pytest
import torch

from encdec.cards import ImageCard
from encdec.models.build import build_network
from encdec.models.storage import load_model, save_model
from encdec.params.loading import load_params
from encdec.promotion.candidate import Candidate, check_unchanged, other_data
from encdec.promotion.compare import Stored
from encdec.tracking.chain import Data, Trained
from encdec.tracking.digests import dvc_digest, in_tag
from encdec.tracking.project import Project
from encdec.tracking.store import open_store

CARD = ImageCard(kind="images", source="digits", channels=1, height=8, width=8, pixel_max=16, classes=("a", "b"))
DATA = Data("raw", "r.dir", "validation", "train", "5678abcd.dir", "test", "t.dir")


def test_rows_that_a_model_was_trained_on_are_known_by_their_digest(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    store = open_store("encdec", Project(tmp_path, tmp_path))
    same, other, silent = (
        store.client.create_run(store.experiment_id, tags=tags).info.run_id
        for tags in ({in_tag("train"): "5678abcd.dir"}, {in_tag("train"): "12340000.dir"}, {})
    )
    assert other_data(store, same, DATA) is None
    told = "was trained on another train (12340000) than there is now (5678abcd)"
    assert other_data(store, other, DATA) == told
    for run_id in (silent, "0" * 32, None):
        assert "has no training run that tells" in (other_data(store, run_id, DATA) or "")


@pytest.mark.parametrize("changed", ["test/labels", "cnn/spec.json"])
def test_what_was_changed_while_it_was_measured_is_not_promoted(root: Path, tmp_path: Path, changed: str) -> None:
    spec = load_params(root / "params.yaml").params.models.cnn
    torch.manual_seed(1)
    for folder in ("test", "cnn"):
        (tmp_path / folder).mkdir()
    save_model(tmp_path / "cnn", name="cnn", spec=spec, card=CARD, network=build_network("cnn", spec, CARD))
    (tmp_path / "test" / "labels").write_text("1 2")
    digest = dvc_digest(tmp_path / "cnn")
    candidate = Candidate(
        Stored(tmp_path / "cnn", load_model(tmp_path / "cnn")),
        digest,
        DATA._replace(test_digest=dvc_digest(tmp_path / "test")),
        Trained("cnn", digest),
        None,
    )
    project = Project(tmp_path, tmp_path)
    check_unchanged(project, candidate)
    with (tmp_path / changed).open("a") as file:
        file.write(" ")
    with pytest.raises(ValueError, match=f"^{Path(changed).parent}: is not what dvc.lock says"):
        check_unchanged(project, candidate)
