import os
from pathlib import Path

import pytest

from encdec.masking import masked
from encdec.tracking.address import embedded_uri, runs_page, tracking_uri, without_credentials
from encdec.tracking.project import Project, find_project


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:s3cret@host:5000/x", "http://***@host:5000/x"),
        ("postgresql+psycopg2://ann:p/w@d@host/db", "postgresql+psycopg2://***@host/db"),
        ("postgresql://host/db?user=a&password=s3cret&x=1", "postgresql://host/db?user=a&password=***&x=1"),
        ("https://host/?access_token=s3cret", "https://host/?access_token=***"),
        ("cannot reach http://s3cret@a/ nor http://b:s3cret@c/", "cannot reach http://***@a/ nor http://***@c/"),
        ("sqlite:////home/ann@home/mlflow.db", "sqlite:////home/ann@home/mlflow.db"),  # a path
        ("models:/vae@champion at http://host:1", "models:/vae@champion at http://host:1"),
    ],
)
def test_addresses_are_shown_without_what_is_secret(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MLFLOW_TRACKING_PASSWORD", "s3cret/w0rd"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret/w0rd"),
        ("MLFLOW_TRACKING_URI", "https://ann:s3cret%2Fw0rd@host:5000"),
        ("ENCDEC_OPTUNA_STORAGE", "postgresql://ann:s3cret/w0rd@host/optuna"),
        ("ENCDEC_MIRROR", "https://ann:s3cret/w0rd@host/mirror"),
    ],
)
def test_a_secret_of_the_environment_is_masked_wherever_it_stands(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert masked("refused 's3cret/w0rd' and s3cret%2Fw0rd to ann") == "refused '***' and *** to ann"


def test_what_is_too_short_for_a_secret_leaves_ordinary_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "a")
    assert masked("a plain word") == "a plain word"


def test_the_address_for_a_browser_has_no_credentials() -> None:
    assert without_credentials("https://ann:s3cret@host:8080/mlflow/?token=x") == "https://host:8080/mlflow"
    page = "http://h:1/#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=ours"
    assert runs_page("http://h:1", "7", "ours") == page


def test_the_embedded_database_lies_at_home_by_its_absolute_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    project = Project(tree=Path("/repo/.dvc/tmp/exps/1"), home=Path("/repo"))
    assert tracking_uri(project) == embedded_uri(project) == "sqlite:////repo/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert tracking_uri(project) == "http://host:5000"


def test_an_account_in_the_address_of_a_server_is_taken_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tree=Path("/repo"), home=Path("/repo"))
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ann:s3cret%2Fw0rd@host:5000/mlflow")
    assert tracking_uri(project) == "https://host:5000/mlflow" == os.environ["MLFLOW_TRACKING_URI"]
    account = (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"])
    assert account == ("ann", "s3cret/w0rd")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ben:other-secret@host:5000")
    tracking_uri(project)
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "ann", "the variables win"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://ann:s3cret@host/mlflow")
    assert tracking_uri(project) == "postgresql://ann:s3cret@host/mlflow", "a database has no other place for it"


def test_an_experiment_in_a_copy_of_the_tree_keeps_its_runs_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "copy"
    (tree / "src" / "deep").mkdir(parents=True)
    (tree / "dvc.yaml").touch()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "home"))
    found = find_project(tree / "src" / "deep")
    assert found == Project(tree, tmp_path / "home")
    assert found.work == tmp_path / "home" / ".work"
    monkeypatch.delenv("DVC_ROOT")
    assert find_project(tree).home == tree


def test_outside_of_a_project_one_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no dvc\.yaml in .* or above it: run this inside of the project"):
        find_project(tmp_path)


def test_paths_are_named_as_in_dvc_lock(project: Project) -> None:
    assert project.name(Path("data/05_models/vae")) == "data/05_models/vae"
    assert project.name(project.tree / "a" / "b") == "a/b"
    assert project.name(Path("/elsewhere/c")) == "/elsewhere/c"
