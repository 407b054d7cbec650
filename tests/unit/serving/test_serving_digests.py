"""A logged model with a changed file is refused, by whoever loads it."""

import os
import py_compile
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest
from registered import Registry, run_encdec
from served import started

from encdec.serving.digests import DIGEST_FILE, ChangedModelError, verify_digests, write_digests
from encdec.tracking.layout import DIGEST_TAG
from encdec.tracking.registry import fetch_model, fetch_package

FILES = ("artifacts/cnn/model.safetensors", "artifacts/cnn/spec.json", "code/encdec/nn/convolution.py", "MLmodel")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", [*FILES, "serving_images.py"])
def test_a_changed_file_is_named_and_the_model_refused(own_registry: Registry, tmp_path: Path, name: str) -> None:
    assert fetch_model(own_registry.store, "models:/cnn@champion", to=tmp_path / "whole").is_dir()
    flip(own_registry.package("cnn") / name)
    with pytest.raises(ChangedModelError, match=f"^models:/cnn@champion: {name}: was changed since the model was"):
        fetch_model(own_registry.store, "models:/cnn@champion", to=tmp_path / "changed")
    assert not (tmp_path / "changed").exists()


def test_lost_added_and_forged_files_are_refused(own_registry: Registry, tmp_path: Path) -> None:
    package, store, address = own_registry.package("cnn"), own_registry.store, "models:/cnn@champion"
    added = package / "code" / "torch.py"  # it would be imported in place of the library
    added.write_text("print('mine')\n")
    with pytest.raises(ChangedModelError, match=r"code/torch.py: was added"):
        fetch_model(store, address, to=tmp_path / "a")
    added.unlink()
    beside = package / "serving_images.pyc"
    beside.write_bytes(b"mine")
    with pytest.raises(ChangedModelError, match=r"champion: serving_images.pyc: was added"):
        fetch_model(store, address, to=tmp_path / "beside")
    write_digests(package)  # who can write there can write this as well, but not the database
    with pytest.raises(ChangedModelError, match=r"digests.json: is not the one that was logged"):
        fetch_model(store, address, to=tmp_path / "b")
    (package / DIGEST_FILE).unlink()
    with pytest.raises(ChangedModelError, match=r"digests.json: is missing"):
        fetch_model(store, address, to=tmp_path / "c")


def test_a_logged_model_whose_list_was_removed_is_not_run_by_mlflow_itself(own_registry: Registry) -> None:
    package = own_registry.package("cnn")
    (package / DIGEST_FILE).unlink()
    flip(package / "artifacts/cnn/model.safetensors")
    with pytest.raises(ChangedModelError, match=r"digests.json: is missing"):
        mlflow.pyfunc.load_model(str(package))


def test_bytecode_beside_the_code_is_not_fetched_and_not_run(own_registry: Registry, tmp_path: Path) -> None:
    package, planted = own_registry.package("cnn"), tmp_path / "planted.py"
    planted.write_text("print('mine')\n")
    module = package / "code" / "encdec" / "serving" / "images.py"
    for file in (module, package / "code" / "torch.py", package / "serving_images.py"):
        (file.parent / "__pycache__").mkdir(exist_ok=True)
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH  # Python does not look at the code then
        py_compile.compile(str(planted), cache_from_source(str(file)), invalidation_mode=unchecked)
    assert b"mine" in Path(cache_from_source(str(module))).read_bytes()
    fetched = fetch_package(own_registry.store, "models:/cnn@champion", to=tmp_path / "package")
    assert not list(fetched.rglob("*.pyc"))
    mlflow.pyfunc.load_model(str(fetched))  # bytecode that Python wrote from what was verified is no change
    (fetched / "code" / "encdec" / "nn" / "__pycache__").mkdir(exist_ok=True)
    (fetched / "code" / "encdec" / "nn" / "__pycache__" / "a.pyc").write_bytes(b"own")
    (fetched / "notes.txt").write_text("of who deployed it")
    assert verify_digests(fetched, running=True)
    with pytest.raises(ChangedModelError, match=r"\.pyc: was added"):
        verify_digests(fetched)


def test_a_model_that_mlflow_ran_in_the_store_is_still_fetched(own_registry: Registry, tmp_path: Path) -> None:
    program = "import mlflow.pyfunc; mlflow.pyfunc.load_model('models:/cnn@champion')"
    environment = {**own_registry.environment, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)
    package = own_registry.package("cnn")
    assert list(package.rglob("*.pyc"))
    assert (package / "registered_model_meta").is_file()
    assert fetch_model(own_registry.store, "models:/cnn@champion", to=tmp_path / "fetched").is_dir()


def test_a_model_of_before_there_were_digests_is_used_with_a_note(
    own_registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = own_registry.store.client
    client.delete_logged_model_tag(own_registry.model("cnn").model_id, DIGEST_TAG)
    (own_registry.package("cnn") / DIGEST_FILE).unlink()
    assert fetch_model(own_registry.store, "models:/cnn@champion", to=tmp_path / "old").is_dir()
    assert "was logged without digests" in capsys.readouterr().err


@pytest.mark.parametrize("name", FILES[:3])
def test_mlflow_does_not_serve_a_changed_model(own_registry: Registry, name: str) -> None:
    flip(own_registry.package("cnn") / name)
    command = ["mlflow", "models", "serve", "-m", "models:/cnn@champion", "--env-manager", "local"]
    with (
        pytest.raises(AssertionError, match="the server ended with"),
        started("cnn", command, own_registry.environment, own_registry.project),
    ):
        pass
    (log,) = own_registry.project.glob("server-*.log")
    if name != FILES[2]:  # changed code may fail by itself before it can be verified
        assert f"{name}: was changed since the model was logged" in log.read_text()


def test_predict_and_serve_refuse_a_changed_model_with_a_sentence(own_registry: Registry, root: Path) -> None:
    flip(own_registry.package("cnn") / FILES[0])
    array = own_registry.project / "a.npy"
    np.save(array, np.zeros((1, 8, 8), dtype=np.uint8))
    for arguments in (["predict", "models:/cnn@champion", str(array)], ["serve", "models:/cnn@champion"]):
        done = run_encdec(root, own_registry, *arguments)
        assert done.returncode == 1
        assert f"{FILES[0]}: was changed since the model was logged".encode() in done.stderr
        assert b"Traceback" not in done.stderr


def test_a_model_brings_its_code_where_another_version_of_the_project_is_installed(
    registry: Registry, tmp_path: Path
) -> None:
    other = tmp_path / "site" / "encdec"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("VERSION = 'another'\n")
    package = tmp_path / "package"
    shutil.copytree(registry.package("cnn"), package)
    program = (
        "import mlflow.pyfunc, numpy as np\n"
        f"model = mlflow.pyfunc.load_model({str(package)!r})\n"
        "import encdec\n"
        "print(encdec.__file__)\n"
        "print(model.predict(np.zeros((1, 1, 8, 8), dtype=np.float32)).argmax())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(other.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    where, best = done.stdout.splitlines()[-2:]
    assert where.startswith(str(package / "code"))
    here = mlflow.pyfunc.load_model(str(package)).predict(np.zeros((1, 1, 8, 8), dtype=np.float32))
    assert int(best) == here.argmax()
