"""What descriptions say, and that nothing from outside becomes Markdown or HTML in them."""

from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag

from encdec.tracking.notes import escaped, figure, training_note

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TRAINED = {"model": "vae", "kind": "images", "source": "digits", "git.commit": COMMIT, "git.dirty": "false"}
TRAINED |= {"monitor": "val/negative_elbo", "tuned": "training.learning_rate, network.latent_dim"}
NUMBERS = {"num_parameters": 12345.0, "epochs": 60.0, "best_epoch": 51.0, "best_val/negative_elbo": -28.5}
HEADLINE = {"headline.metric": "negative_elbo", "headline.verdict": "better", "headline.baseline": "probabilistic PCA"}
MEASURED = {"test/headline": -30.0957, "baseline/headline": -19.98, "test/headline_gain": 10.1157}
MEASURED |= {"test/negative_elbo": -30.0957, "baseline/negative_elbo": -19.98, "test/kl": 14.0}


def run_with(tags: dict[str, str], metrics: dict[str, float]) -> Run:
    info = RunInfo("id", "1", "ann", "FINISHED", 0, 1, "active")
    points = [Metric(name, value, 0, 0) for name, value in metrics.items()]
    return Run(info, RunData(points, [Param("a", "1")], [RunTag(*pair) for pair in tags.items()]))


def test_a_trained_model_is_described_before_it_is_evaluated() -> None:
    assert training_note(run_with(TRAINED, NUMBERS)) == (
        "**vae** on the images of *digits*, with 12,345 parameters. Epoch 51 of 60 was kept "
        "(`val/negative_elbo` -28.5). Tuned: `training.learning_rate`, `network.latent_dim`.\n\n"
        "Again: `git checkout 0123456789ab && dvc repro train@vae`\n"
    )


def test_an_evaluated_model_stands_beside_its_baseline_with_the_headline_first() -> None:
    paragraphs = training_note(run_with(TRAINED | HEADLINE, NUMBERS | MEASURED)).split("\n\n")
    expected = "**negative\\_elbo -30.1** on the test split: better than probabilistic PCA at -19.98."
    assert paragraphs[1] == expected
    assert paragraphs[2].splitlines() == [
        "| metric | test | baseline |",
        "|---|--:|--:|",
        "| negative\\_elbo | -30.1 | -19.98 |",
        "| kl | 14 |  |",
    ]
    assert paragraphs[3] == "Figures: in the artifacts, below `figures`. Tables and samples: below `evaluation`."


def test_a_model_without_a_baseline_is_not_compared() -> None:
    tags = TRAINED | {"headline.metric": "kl", "headline.verdict": "no baseline"}
    note = training_note(run_with(tags, NUMBERS | {"test/headline": 14.0, "test/kl": 14.0}))
    assert "**kl 14** on the test split.\n" in note


def test_a_worse_model_is_called_worse_and_an_unclear_one_unclear() -> None:
    for verdict, words in (("worse", "worse than"), ("unclear", "no clear difference from")):
        note = training_note(run_with(TRAINED | HEADLINE | {"headline.verdict": verdict}, NUMBERS | MEASURED))
        assert f"on the test split: {words} probabilistic PCA at -19.98." in note


def test_restored_weights_and_uncommitted_changes_are_said() -> None:
    restored = training_note(run_with({"model": "vae", "encdec.restored": "true"}, {}))
    assert restored == (
        "**vae** on its data: weights from a DVC remote or cache, trained elsewhere or before this database was made.\n"
    )
    changed = {"git.dirty": "true", "git.changed": "src/a_b.py, <img src=x>"}
    note = training_note(run_with(TRAINED | changed, NUMBERS))
    assert note.endswith("does not give the same: src/a\\_b\\.py, &lt;img src=x\\>\n")


def test_text_from_outside_stays_text() -> None:
    assert escaped("[a](javascript:b) **c** `d`") == "\\[a\\]\\(javascript:b\\) \\*\\*c\\*\\* \\`d\\`"
    assert escaped("<script>alert(1)</script>\n# title") == "&lt;script\\>alert\\(1\\)&lt;/script\\> \\# title"
    assert escaped("a|b &lt; &amp; R&D & c") == "a\\|b &amp;lt; &amp;amp; R&amp;D & c"


def test_figures_have_four_significant_digits() -> None:
    values = (0.0, 51.0, 12345.0, 0.0082139, -30.0957, 0.9996, float("nan"))
    assert [figure(value) for value in values] == ["0", "51", "12,345", "0.008214", "-30.1", "0.9996", "nan"]
