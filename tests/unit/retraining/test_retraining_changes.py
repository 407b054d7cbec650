"""What DVC says of a project, sorted into code, parameters and data."""

from encdec.dvc_graph import Stage
from encdec.retraining.changes import Change, changed_parameters, classified

STAGES = (
    Stage("ingest", "images", "", "", ("data/00_source/images", "src/encdec/sources"), ("data/01_raw/images",)),
    Stage("train", "vae", "", "", ("src/encdec/nn",), ("data/05_models/vae",), ("seed", "models.vae")),
    Stage("report", "", "", "", ("data/05_models", "src/encdec/report"), ("data/07_report/index.html",), ("models",)),
)  # fmt: skip
LOCKED = {
    "ingest@images": {},
    "train@vae": {"params": {"params.yaml": {"seed": 7, "models.vae": {"beta": 1.0, "network": {"dims": [8]}}}}},
    "report": {},
}
PARAMS = {"seed": 7, "models": {"vae": {"beta": 2.0, "network": {"dims": [8, 4]}}}}


def found(**status):
    return classified(status, STAGES, locked=LOCKED, params=PARAMS)


def deps(**changed):
    return [{"changed deps": {key.replace("__", "/"): value for key, value in changed.items()}}]


def test_nothing_has_changed():
    assert found() == ()


def test_a_source_is_data_and_a_folder_below_src_is_code():
    status = {
        "ingest@images": [{"changed deps": {"data/00_source/images": "modified", "src/encdec/sources": "modified"}}]
    }
    assert found(**status) == (Change("data", "data/00_source/images"), Change("code", "src/encdec/sources"))


def test_the_key_that_differs_is_named_and_not_its_section():
    status = {"train@vae": [{"changed deps": {"params.yaml": {"models.vae": "modified"}}}]}
    assert found(**status) == (Change("parameters", "models.vae.beta"), Change("parameters", "models.vae.network.dims"))
    status = {"train@vae": [{"changed deps": {"params.yaml": {"seed": "modified"}}}]}
    assert found(**status) == (Change("parameters", "seed"),)


def test_what_another_stage_makes_is_no_change_of_its_own():
    status = {
        "report": [{"changed deps": {"data/05_models": "modified"}}],
        "train@vae": [{"changed deps": {"data/01_raw/images": "deleted"}}],
    }
    assert found(**status) == ()


def test_outs_that_are_missing_are_known_to_dvc_lock_and_those_that_differ_are_told():
    assert found(**{"train@vae": [{"changed outs": {"data/05_models/vae": "deleted"}}]}) == ()
    assert found(**{"train@vae": [{"changed outs": {"data/05_models/vae": "not in cache"}}]}) == ()
    assert found(**{"train@vae": [{"changed outs": {"data/05_models/vae": "modified"}}]}) == (
        Change("outs", "data/05_models/vae"),
    )


def test_the_check_of_params_yaml_and_files_of_dvc_add_do_not_count():
    status = {
        "check": deps(**{"src__encdec__params": "modified"}),
        "data/00_source/images/cat.dvc": [{"changed outs": {"x": "modified"}}],
    }
    assert found(**status) == ()


def test_a_stage_that_never_ran_and_another_command():
    assert found(**{"train@cnn": deps(x="new")}) == (Change("first", "train@cnn"),)
    assert found(**{"train@vae": ["changed command"]}) == (Change("code", "dvc.yaml"),)


def test_of_other_values_only_those_count_that_a_stage_reads(root):
    before = {"models": {"vae": {"beta": 1.0}}, "retraining": {"hours": 1}, "seed": 7}
    after = {"models": {"vae": {"beta": 2.0}}, "retraining": {"hours": 2}, "seed": 7}
    assert changed_parameters(root, before, after) == (Change("parameters", "models.vae.beta"),)
