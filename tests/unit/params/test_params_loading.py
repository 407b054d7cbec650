"""params.yaml as it is loads; every kind of mistake is found, and all of them at once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from encdec.params.loading import Loaded, load_params
from encdec.params.problems import ParamsError
from encdec.params.root import MODEL_NAMES

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def raw(root: Path) -> dict[str, Any]:
    shared = YAML(typ="safe", pure=True).load(root / "params.yaml")
    return json.loads(json.dumps(shared))  # an edit of one section must not reach the others behind the same anchor


def write(raw: dict[str, Any], folder: Path) -> Path:
    path = folder / "params.yaml"
    with path.open("w") as file:
        YAML(typ="safe", pure=True).dump(raw, file)
    return path


def mistakes(raw: dict[str, Any], folder: Path) -> str:
    with pytest.raises(ParamsError) as caught:
        load_params(write(raw, folder))
    return str(caught.value)


def test_the_file_of_the_project_loads(root: Path) -> None:
    loaded = load_params(root / "params.yaml")
    assert loaded.params.images.shape == (1, 8, 8)
    assert all(loaded.params.models.named(name).enabled for name in MODEL_NAMES)
    assert loaded.params.models.cnn.tuning.trials >= 8
    assert set(loaded.space("cnn")) == {"network.dropout_prob", "training.learning_rate"}


def delete(*keys: str) -> Edit:
    def edit(raw: dict[str, Any]) -> None:
        for key in keys[:-1]:
            raw = raw[key]
        del raw[keys[-1]]

    return edit


def put(value: object, *keys: str) -> Edit:
    def edit(raw: dict[str, Any]) -> None:
        for key in keys[:-1]:
            raw = raw[key]
        raw[keys[-1]] = value

    return edit


NET = ("models", "cnn", "network")
VAE = ("models", "vae", "network")
FOLDER = ("images", "sources", "folder")
TABLE = ("pairs", "sources", "table")
INCEPTION = {
    "block": "inception", "channels": [16, 3], "kernel_size": 3, "activation": "relu", "batch_norm": True,
    "pooling": "max", "hidden_dims": [], "dropout_prob": 0.0,
}  # fmt: skip
IMAGE_SOURCES = ("digits", "mnist", "fashion-mnist", "kmnist", "folder")
PAIR_SOURCES = ("dates", "cmudict", "multi30k", "table")
CASES = [
    (put(1, "seeed"), "params.yaml: seeed: unknown key (did you mean seed?)"),
    (delete("threads"), "params.yaml: threads: missing key"),
    (put("7", "seed"), "seed: '7': should be a valid integer"),
    (put(-1, "seed"), "seed: -1: should be greater than or equal to 0"),
    (put(True, "threads"), "threads: True: should be a valid integer"),
    (
        put("digit", "images", "source"),
        "images.source: 'digit' is not one of digits, mnist, fashion-mnist, kmnist, folder (did you mean digits?)",
    ),
    (
        put(0.9, "images", "sources", "digits", "split", "val"),
        "images.sources.digits.split: train + val + test must be 1, not 1.75",
    ),
    (
        put(0.1, "images", "sources", "fashion-mnist", "val_frction"),
        "images.sources.fashion-mnist.val_frction: unknown key (did you mean val_fraction?)",
    ),
    (
        put("ABC", "images", "sources", "fashion-mnist", "sha256", "train_images"),
        "images.sources.fashion-mnist.sha256.train_images: 'ABC': should be a SHA-256: 64 hexadecimal digits in small",
    ),
    (put({}, "images", "sources", "fashion_mnist"), "sources.fashion_mnist: unknown key (did you mean fashion-mnist?)"),
    (
        put("en", "pairs", "sources", "multi30k", "target_language"),
        "pairs.sources.multi30k: source_language and target_language are both en: set one of them to another language "
        "(de, fr, cs)",
    ),
    (
        put("it", "pairs", "sources", "multi30k", "target_language"),
        "pairs.sources.multi30k.target_language: 'it' is not one of en, de, fr, cs",
    ),
    (
        put(0.1, "images", "sources", "digits", "validation", "leak"),
        "validation.leak: unknown key (did you mean leakage?)",
    ),
    (put({}, "models", "vea"), "models.vea: unknown model (did you mean vae?)"),
    (delete("models", "vae"), "models.vae: missing key (to switch a model off, set its enabled to false)"),
    (put(12, *VAE, "latent_dims"), "models.vae.network.latent_dims: unknown key (did you mean latent_dim?)"),
    (delete(*VAE, "latent_dim"), "models.vae.network.latent_dim: missing key"),
    (put("mpl", *VAE, "architecture"), "models.vae.network.architecture: 'mpl' is not one of mlp, convolutional"),
    (delete(*VAE, "architecture"), "models.vae.network.architecture: missing key"),
    (put([64, "x"], *VAE, "hidden_dims"), "models.vae.network.hidden_dims[1]: 'x': should be a valid integer"),
    (put(64, *VAE, "latent_dim"), "models.vae.network.latent_dim: 64 is not below the 64 inputs"),
    (
        put(9, *NET, "kernel_size"),
        "models.cnn.network.kernel_size: 9 is larger than the 8x8 images of images.source digits",
    ),
    (put(4, *NET, "kernel_size"), "models.cnn.network.kernel_size: 4 must be odd"),
    (
        put(INCEPTION, *NET),
        "models.cnn.network.channels: 3 is too few: an inception block needs at least 4",
    ),
    (put([8, 8, 8, 8], *NET, "channels"), "models.cnn.network.channels: 4 stages halve the 8x8 images"),
    (
        put(999, "monitoring", "permutations"),
        "monitoring: permutations 999 cannot show a shift at false_alarm_rate 0.01: give at least 2500",
    ),
    (put(6000, "monitoring", "slow_rows"), "min_rows, slow_rows and max_rows must not fall, found 50, 6000 and 5000"),
    (put("mdm", "monitoring", "codes_test"), "monitoring.codes_test: 'mdm' is not one of mmd, classifier"),
    (
        put(200, "models", "sparse_autoencoder", "sparsity", "k"),
        "sparsity.k: 200 is not below the 128 units of the code",
    ),
    (
        put(99, "models", "cnn", "tuning", "max_epochs"),
        "models.cnn.tuning.max_epochs: 99 is above training.max_epochs 30",
    ),
    (put(0.7, "models", "vae", "beta"), None),
    (put(-0.7, "models", "vae", "beta"), "models.vae.beta: -0.7: should be greater than or equal to 0"),
    (put(float("nan"), "models", "vae", "beta"), "models.vae.beta: nan: should be a finite number"),
    (
        put({"search": {"low": 2, "high": 1}}, *NET, "dropout_prob"),
        "network.dropout_prob.search: low 2 must be below high 1",
    ),
    (
        put({"search": {"low": 0.0, "high": 1.5}}, *NET, "dropout_prob"),
        "network.dropout_prob.search: 1.5: should be less than 1",
    ),
    (
        put({"search": {"choices": [0.0]}}, *NET, "dropout_prob"),
        "dropout_prob.search.choices: [0.0]: should have at least 2 items",
    ),
    (
        put({"search": {"choices": [1, 2]}, "value": 3}, *NET, "dropout_prob"),
        "dropout_prob.value: unknown key beside search: a value is fixed or searched, never both",
    ),
    (
        put({"search": {"low": 0.0, "high": 1, "log": True}}, *NET, "dropout_prob"),
        "low 0.0 must be above 0 on a logarithmic scale",
    ),
    (
        put({"search": {"low": 0.1, "high": 0.5, "lo": 1}}, *NET, "dropout_prob"),
        "dropout_prob.search.lo: unknown key (did you mean low?)",
    ),
    (
        put({"search": {"low": 1, "high": 2}}, "models", "cnn", "tuning", "trials"),
        "models.cnn.tuning.trials: cannot be searched: it is the budget of the search",
    ),
    (put({"search": {"low": 1, "high": 2}}, "seed"), "seed: only a value below models can be searched"),
    (
        put({"search": {"choices": [3, 9]}}, *NET, "kernel_size"),
        "models.cnn.network.kernel_size.search: 9 is larger than the 8x8",
    ),
    (
        put({"search": {"low": 0.1, "high": 0.5}}, "models", "denoising_autoencoder", "corruption", "noise_std"),
        "models.denoising_autoencoder.corruption.noise_std: cannot be searched: it is the task",
    ),
    (put({"search": {"choices": [8, 8]}}, *VAE, "latent_dim"), "latent_dim.search: a choice stands twice in [8, 8]"),
    (put({1: 2}, "evaluation"), "evaluation: the key 1 should be a text"),
    (put("text", "models"), "models: 'text': should be a section"),
    (put(11, "evaluation", "top_k"), "evaluation.top_k: 11 is above the 10 classes of images.source digits"),
    (put(10, "evaluation", "top_k"), None),
    (put([], *FOLDER, "classes"), "images.sources.folder.classes: []: should have at least 1 item"),
    (put(["a", "b", "a"], *FOLDER, "classes"), "images.sources.folder: classes names 'a' more than once"),
    (put(["a", ""], *FOLDER, "classes"), "folder.classes[1]: '': should have at least 1 character"),
    (put("cat", *FOLDER, "classes"), "images.sources.folder.classes: 'cat': should be a list"),
    (
        put({"search": {"choices": [[64], 32, 64]}}, *NET, "kernel_size"),
        "kernel_size.search.choices[0]: [64]: a choice is one text, one number, or true or false",
    ),
    (
        put({"search": {"choices": [0.1, float("nan")]}}, *NET, "dropout_prob"),
        "dropout_prob.search.choices[1]: nan: a choice is one text, one number",
    ),
    (
        put({"search": {"low": "0.1", "high": 0.5}}, *NET, "dropout_prob"),
        "dropout_prob.search.low: '0.1': should be a number",
    ),
    (put(2**31, "threads"), "threads: 2147483648: should be less than 2147483648"),
    (put("target", *TABLE, "source_column"), "table: source_column and target_column are both 'target'"),
    (put("", *TABLE, "file"), "pairs.sources.table.file: '': should have at least 1 character"),
]


@pytest.mark.parametrize(("edit", "expected"), CASES, ids=[str(expected)[:60] for _, expected in CASES])
def test_a_mistake_is_named_with_path_value_and_suggestion(
    raw: dict[str, Any], tmp_path: Path, edit: Edit, expected: str | None
) -> None:
    edit(raw)
    if expected is None:
        load_params(write(raw, tmp_path))
        return
    message = mistakes(raw, tmp_path)
    assert expected in message
    assert message.startswith("1 mistake in params.yaml:")


def test_all_mistakes_are_reported_at_once_and_each_once(raw: dict[str, Any], tmp_path: Path) -> None:
    raw["seeed"] = 1
    raw["images"]["source"] = "digit"
    raw["models"]["cnn"]["network"]["pooling"] = "avg"
    raw["models"]["vae"]["training"] = {**raw["models"]["vae"]["training"], "batch_size": 0}
    raw["evaluation"]["confidence"] = 1
    lines = mistakes(raw, tmp_path).splitlines()
    assert lines[0] == "5 mistakes in params.yaml:"
    assert [line.split(": ")[1] for line in lines[1:]] == [
        "images.source",
        "evaluation.confidence",
        "seeed",
        "models.cnn.network.pooling",
        "models.vae.training.batch_size",
    ]


def test_a_wrong_source_does_not_hide_what_can_be_checked_without_it(raw: dict[str, Any], tmp_path: Path) -> None:
    raw["images"]["source"] = "digit"
    raw["models"]["cnn"]["network"]["kernel_size"] = 4
    raw["models"]["vae"]["beta_warmup_steps"] = 10**6
    lines = mistakes(raw, tmp_path).splitlines()
    assert lines[0] == "3 mistakes in params.yaml:"
    assert [line.split(": ")[1] for line in lines[1:]] == [
        "images.source",
        "models.cnn.network.kernel_size",
        "models.vae.beta_warmup_steps",
    ]


def test_a_mistake_elsewhere_in_images_does_not_hide_what_does_not_fit_the_selected_source(
    raw: dict[str, Any], tmp_path: Path
) -> None:
    raw["images"]["sources"]["mnist"]["val_fraction"] = 2
    raw["images"]["enabled"] = "yes"
    raw["models"]["cnn"]["network"]["kernel_size"] = 9
    raw["evaluation"]["top_k"] = 11
    message = mistakes(raw, tmp_path)
    assert message.startswith("4 mistakes in params.yaml:")
    assert "models.cnn.network.kernel_size: 9 is larger than the 8x8 images of images.source digits" in message
    assert "evaluation.top_k: 11 is above the 10 classes" in message


def test_classes_that_are_named_bound_top_k(raw: dict[str, Any], tmp_path: Path) -> None:
    raw["images"]["source"] = "folder"
    load_params(write(raw, tmp_path))  # which classes there are, only the images will tell
    raw["images"]["sources"]["folder"]["classes"] = ["cat", "dog"]
    assert "evaluation.top_k: 3 is above the 2 classes of images.source folder" in mistakes(raw, tmp_path)


def test_anchors_are_refused_because_dvc_would_change_several_sections_at_once(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: &shared {x: 1}\nb: *shared\n")
    with pytest.raises(ParamsError, match=r"line 1: write the values out: an anchor or alias \(&shared\)"):
        load_params(tmp_path / "params.yaml")


TURNS = 10


def leaves(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(node, dict):
        for key, child in node.items():
            yield from leaves(child, (*path, key))
    else:
        yield path, node


def test_setting_any_one_value_with_dvc_changes_that_value_and_one_line_of_the_file(root: Path, tmp_path: Path) -> None:
    """What `dvc exp run -S` does, by DVC's own function, to every value of the project's file."""
    from dvc.utils.serialize import modify_yaml

    text = (root / "params.yaml").read_text()
    before = dict(leaves(YAML(typ="safe", pure=True).load(text)))
    copy = tmp_path / "params.yaml"
    paths = list(before)
    for start in range(TURNS):  # a turn takes DVC a second: each sets many values, to numbers of their own
        others = {path: 1_234_567 + number for number, path in enumerate(paths[start::TURNS])}
        copy.write_text(text)
        with modify_yaml(copy) as document:
            for path, other in others.items():
                node = document
                for key in path[:-1]:
                    node = node[key]
                node[path[-1]] = other
        after = dict(leaves(YAML(typ="safe", pure=True).load(copy)))
        assert after == {**before, **others}, "two keys are never one value"
    copy.write_text(text)
    with modify_yaml(copy):
        pass
    assert copy.read_text() == text, "the file is in the form that DVC writes, so that a change is a small diff"


def test_a_source_with_a_dash_is_set_as_people_do_it(root: Path, tmp_path: Path) -> None:
    """By the function behind `dvc exp run -S`, which parses the key, too."""
    from dvc.utils.hydra import apply_overrides

    copy = tmp_path / "params.yaml"
    copy.write_text((root / "params.yaml").read_text())
    at = "images.sources.fashion-mnist"
    digest = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    overrides = ["images.source=fashion-mnist", f"{at}.val_fraction=0.2", f"{at}.sha256.t10k_labels={digest}"]
    apply_overrides(copy, overrides)
    params = load_params(copy).params
    assert params.images.selected is params.images.sources.fashion_mnist
    assert params.images.sources.fashion_mnist.val_fraction == 0.2
    assert params.images.sources.fashion_mnist.sha256.t10k_labels == digest
    assert params.images.sources.kmnist.sha256.t10k_labels is None
    assert params.images.shape == (1, 28, 28)


def test_a_missing_file_and_broken_yaml_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="no such file"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(ParamsError, match="not valid YAML"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("seed: 1\nseed: 2\n")
    with pytest.raises(ParamsError, match="duplicate key"):
        load_params(tmp_path / "params.yaml")


@pytest.fixture
def loaded(root: Path) -> Loaded:
    return load_params(root / "params.yaml")


def test_resolve_puts_the_tuned_values_in_their_places(loaded: Loaded) -> None:
    spec = loaded.resolve("cnn", {"network.dropout_prob": 0.3, "training.learning_rate": 0.002})
    assert spec.training.learning_rate == 0.002
    assert spec.training.batch_size == loaded.params.models.cnn.training.batch_size
    assert spec.model_dump()["network"]["dropout_prob"] == 0.3


def test_resolve_wants_exactly_the_searched_keys(loaded: Loaded) -> None:
    with pytest.raises(ParamsError, match=r"learning_rate: is searched, but no tuned value was given"):
        loaded.resolve("cnn", {"network.dropout_prob": 0.3})
    with pytest.raises(ParamsError, match=r"network.block: has a tuned value but is not searched"):
        loaded.resolve("cnn", {"network.dropout_prob": 0.3, "training.learning_rate": 0.002, "network.block": "vgg"})


def test_one_key_switches_a_kind_and_its_models_off(raw: dict[str, Any], tmp_path: Path) -> None:
    raw["images"]["enabled"] = False
    params = load_params(write(raw, tmp_path)).params
    assert not params.model_enabled("vae")
    assert params.model_enabled("seq2seq")


def test_every_model_fits_every_source_by_one_key(raw: dict[str, Any], tmp_path: Path) -> None:
    for kind, sources in (("images", IMAGE_SOURCES), ("pairs", PAIR_SOURCES)):
        for source in sources:
            raw[kind]["source"] = source
            assert load_params(write(raw, tmp_path)).params.data(kind)[source]


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ((*FOLDER, "height"), 60_000),
        ((*FOLDER, "width"), 2**31 - 1),
        (("models", "seq2seq", "network", "embedding_dim"), 2**31 - 1),
        ((*VAE, "hidden_dims"), [2**31 - 1]),
        (("evaluation", "calibration_bins"), 2**31 - 1),
        (("evaluation", "bootstrap_resamples"), 2**31 - 1),
        (("tracking", "experiment"), "x" * 501),
        (("tracking", "experiment"), "  "),
        (("tracking", "experiment"), "two\nlines"),
    ],
)
def test_a_size_that_no_machine_holds_is_a_mistake_with_its_key(
    keys: tuple[str, ...], value: object, raw: dict[str, Any], tmp_path: Path
) -> None:
    put(value, *keys)(raw)
    assert f"params.yaml: {'.'.join(keys)}" in mistakes(raw, tmp_path)
