import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from image_models import MLP, PLAIN, SQUARE, autoencoder, cnn, vae

from encdec.cards import PairCard
from encdec.models.build import build_network, build_objective
from encdec.models.storage import StoredModelError, load_model, save_model

PAIRS = PairCard(
    kind="pairs",
    source="dates",
    source_vocab_size=9,
    target_vocab_size=9,
    max_source_length=5,
    max_target_length=5,
    target_tokens="characters",
)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A small classifier on the disk."""
    save_model(tmp_path, name="cnn", spec=cnn(), card=SQUARE, network=build_network("cnn", cnn(), SQUARE))
    return tmp_path


def edit(folder: Path, *, section: str, **values: object) -> None:
    document = json.loads((folder / "spec.json").read_text())
    document[section].update(values)
    (folder / "spec.json").write_text(json.dumps(document))


def test_the_weights_carry_no_metadata(stored: Path) -> None:
    data = (stored / "model.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert "__metadata__" not in header


def test_spec_json_names_model_spec_and_card(stored: Path) -> None:
    document = json.loads((stored / "spec.json").read_text())
    assert document == {"model": "cnn", "spec": cnn().model_dump(mode="json"), "card": SQUARE.model_dump(mode="json")}


def test_a_missing_file_is_named(stored: Path) -> None:
    (stored / "model.safetensors").unlink()
    with pytest.raises(StoredModelError, match=r"model\.safetensors: no such file; run the train stage"):
        load_model(stored)
    (stored / "spec.json").unlink()
    with pytest.raises(StoredModelError, match=r"spec\.json: no such file; run the train stage"):
        load_model(stored)


def test_a_model_that_is_switched_off_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "off.json").write_text("{}")
    with pytest.raises(StoredModelError, match=r"this model is switched off in params\.yaml"):
        load_model(tmp_path)


def test_weights_that_were_cut_off_are_refused(stored: Path) -> None:
    path = stored / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(StoredModelError, match=r"model\.safetensors: not a readable safetensors file"):
        load_model(stored)


def test_weights_of_another_shape_are_refused(stored: Path) -> None:
    edit(stored, section="spec", network=PLAIN.model_copy(update={"hidden_dims": (17,)}).model_dump())
    with pytest.raises(StoredModelError) as caught:
        load_model(stored)
    # the hidden layer reads 8 channels of 2x2
    assert "not the weights of the cnn that spec.json describes: head.hidden.0.bias is float32 (16,), " in str(
        caught.value
    )
    assert "head.hidden.0.weight is float32 (16, 32), expected float32 (17, 32)" in str(caught.value)


def test_weights_of_another_model_are_refused(stored: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    network = build_network("autoencoder", autoencoder(MLP), SQUARE)
    save_model(other, name="autoencoder", spec=autoencoder(MLP), card=SQUARE, network=network)
    (stored / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(StoredModelError, match=r"not the weights of the cnn .* is unknown;.* and \d+ more"):
        load_model(stored)


def test_a_missing_tensor_and_another_type_are_named(stored: Path) -> None:
    path = stored / "model.safetensors"
    state = safetensors.torch.load_file(path)
    del state["head.to_logits.bias"]
    state["head.to_logits.weight"] = state["head.to_logits.weight"].double()
    path.write_bytes(safetensors.torch.save(state))
    with pytest.raises(StoredModelError) as caught:
        load_model(stored)
    assert "head.to_logits.bias is missing" in str(caught.value)
    assert "head.to_logits.weight is float64 (4, 16), expected float32 (4, 16)" in str(caught.value)


def test_the_spec_of_another_model_is_refused(stored: Path) -> None:
    document = json.loads((stored / "spec.json").read_text())
    document["spec"] = vae("gaussian").model_dump(mode="json")
    (stored / "spec.json").write_text(json.dumps(document))
    with pytest.raises(StoredModelError, match=r"spec\.json: not the CnnSpec of model cnn \(network\."):
        load_model(stored)


def test_the_card_of_another_kind_is_refused(stored: Path) -> None:
    document = json.loads((stored / "spec.json").read_text())
    document["card"] = PAIRS.model_dump(mode="json")
    (stored / "spec.json").write_text(json.dumps(document))
    with pytest.raises(StoredModelError, match=r"spec\.json: not the ImageCard of model cnn \(kind: "):
        load_model(stored)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "must have the keys model, spec and card"),
        ('{"model": "cnn", "spec": {}}', "must have the keys model, spec and card"),
        ('{"model": "gan", "spec": {}, "card": {}}', "unknown model 'gan', expected one of cnn, autoencoder, "),
        ('{"model": ["cnn"], "spec": {}, "card": {}}', r"unknown model \['cnn'\], expected one of cnn, "),
    ],
)
def test_a_broken_spec_json_is_refused(stored: Path, text: str, message: str) -> None:
    (stored / "spec.json").write_text(text)
    with pytest.raises(StoredModelError, match=rf"spec\.json: {message}"):
        load_model(stored)


def test_a_network_is_not_built_from_another_models_spec_or_data() -> None:
    with pytest.raises(ValueError, match="model vae needs a VaeSpec, was given a CnnSpec"):
        build_network("vae", cnn(), SQUARE)
    with pytest.raises(ValueError, match="model cnn needs a ImageCard, was given a PairCard"):
        build_network("cnn", cnn(), PAIRS)
    network = build_network("cnn", cnn(), SQUARE)
    with pytest.raises(ValueError, match="model vae needs a VariationalAutoencoder, was given a Cnn"):
        build_objective("vae", network, vae("gaussian"), lambda net: torch.optim.Adam(net.parameters()))


def test_a_model_of_pairs_takes_its_vocabulary_along(tmp_path: Path) -> None:
    train, folder = tmp_path / "train", tmp_path / "model"
    (train / "vocabulary").mkdir(parents=True)
    folder.mkdir()
    for side in ("source", "target"):
        (train / "vocabulary" / f"{side}.json").write_text(side)
    options = {"name": "seq2seq", "spec": cnn(), "card": PAIRS, "network": torch.nn.Linear(1, 1)}
    save_model(folder, **options, vocabulary=train)
    for side in ("source", "target"):
        assert (folder / "vocabulary" / f"{side}.json").read_text() == side
    with pytest.raises(ValueError, match="model seq2seq needs the vocabulary of its train folder, was given None"):
        save_model(folder, **options)
