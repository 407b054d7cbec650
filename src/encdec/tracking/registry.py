"""A trained model by its address in MLflow: its folder, as the train stage wrote it."""

import re
import shutil
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from encdec.masking import masked
from encdec.progress import note
from encdec.serving.digests import ChangedModelError, remove_bytecode, verify_digests
from encdec.tracking.layout import DIGEST_TAG, MODEL_ARTIFACT
from encdec.tracking.store import Store, TrackingUnavailable, unavailable

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.exceptions import MlflowException

ALIAS = re.compile(r"models:/(?P<name>[^/@]+)@(?P<alias>[^/@]+)")
VERSION = re.compile(r"models:/(?P<name>[^/@]+)/(?P<version>\d+)")
LOGGED = re.compile(r"models:/(?P<id>m-[0-9a-f]+)")
RUN = re.compile(r"runs:/(?P<id>[0-9a-f]+)")
SOURCE = re.compile(r"\b(m-[0-9a-f]{32})\b")
"""MLflow keeps the logged model of a version as its source: by address, or by the path of its files."""
FORMS = "models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-ID or runs:/ID"
NAMED_AT_MOST = 8
MISSING = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "INVALID_PARAMETER_VALUE")
"""What MLflow says of a thing that there is not, or that has been deleted."""


def fetch_model(store: Store, address: str, *, to: Path) -> Path:
    """Copy the folder of a model, spec.json with its weights and its vocabulary, to `to`.

    Raises:
        ChangedModelError: a file is not what was logged.
        TrackingUnavailable: they cannot be reached now, which says nothing about them.
        ValueError: the address has another form or leads to nothing, or the model is not one of this project.
    """
    with TemporaryDirectory() as temporary:
        package = fetch_package(store, address, to=Path(temporary, "package"))
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(model_folder(package), to)
    return to


def fetch_package(store: Store, address: str, *, to: Path) -> Path:
    """Copy a logged model as it lies in the store, with its code, to `to`, and hold it against the digests of the
    database.

    Raises:
        ChangedModelError: a file is not what was logged.
        TrackingUnavailable: they cannot be reached now, which says nothing about them.
        ValueError: the address has another form or leads to nothing, or the model is not one of this project.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    model = logged_model(store, address)
    to.mkdir(parents=True)
    try:
        # by the place of the files: models:/ is looked up in the store of MLflow's global address, whatever is given
        files = get_artifact_repository(model.artifact_location, tracking_uri=store.uri)
        files.download_artifacts("", dst_path=str(to))  # type: ignore[no-untyped-call]  # MLflow has not typed it
    except (MlflowException, OSError) as error:
        if not is_gone(model.artifact_location, error):
            raise TrackingUnavailable(
                f"{address}: its files cannot be reached: {unavailable(store.uri, error)}"
            ) from None
        raise ValueError(f"{address}: its files are gone: {masked(str(error))}") from error
    remove_bytecode(to)
    try:
        known = verify_digests(to, expected=model.tags.get(DIGEST_TAG))
    except ChangedModelError as error:
        raise ChangedModelError(f"{address}: {error}") from error
    if not known:
        note(f"{address}: was logged without digests, so a changed file would not be noticed: train it again")
    try:
        flavor = Model.load(str(to)).flavors.get("python_function", {})
    except (MlflowException, OSError) as error:
        raise ValueError(f"{address}: its files cannot be read: {masked(str(error))}") from error
    if MODEL_ARTIFACT not in flavor.get("artifacts", {}):
        raise ValueError(f"{address}: was not logged by the train stage of this project; choose another model")
    return to


def is_gone(location: str, error: Exception) -> bool:
    """Whether an error says that there are no files, and not that nobody answered."""
    from requests import HTTPError

    place = urlsplit(location)
    if place.scheme in ("", "file"):
        return not Path(url2pathname(place.path)).is_dir()
    if isinstance(error, HTTPError):
        return error.response is not None and error.response.status_code == HTTPStatus.NOT_FOUND
    return isinstance(error, FileNotFoundError) or getattr(error, "error_code", None) in MISSING


def model_folder(package: Path) -> Path:
    """Of a package that was fetched: the folder that the train stage wrote."""
    from mlflow.models import Model

    artifacts = Model.load(str(package)).flavors["python_function"]["artifacts"]
    return package / str(artifacts[MODEL_ARTIFACT]["path"])


def logged_model(store: Store, address: str) -> "LoggedModel":
    """The logged model behind an address.

    Raises:
        ValueError: there is none; the message names what there is.
    """
    from mlflow.exceptions import MlflowException

    try:
        return store.client.get_logged_model(model_id(store, address))
    except MlflowException as error:
        check_missing(store, error)
        raise ValueError(f"{address}: no such model in {masked(store.uri)}: {masked(error.message)}") from error


def check_missing(store: Store, error: "MlflowException") -> None:
    """Raises TrackingUnavailable unless the error says that there is no such thing."""
    if error.error_code not in MISSING:
        raise TrackingUnavailable(unavailable(store.uri, error)) from None  # the cause would show the password


def model_id(store: Store, address: str) -> str:
    if found := ALIAS.fullmatch(address):
        return registered_id(store, address, found["name"], alias=found["alias"])
    if found := VERSION.fullmatch(address):
        return registered_id(store, address, found["name"], version=found["version"])
    if found := LOGGED.fullmatch(address):
        return found["id"]
    if found := RUN.fullmatch(address):
        return id_of_run(store, address, found["id"])
    raise ValueError(f"{address}: not the address of a model; write {FORMS}")


def registered_id(store: Store, address: str, name: str, *, alias: str | None = None, version: str = "") -> str:
    """The logged model of a version in the registry, which is named by an alias or by its number."""
    from mlflow.exceptions import MlflowException

    client = store.client
    try:
        registered = client.get_registered_model(name)
    except MlflowException as error:
        check_missing(store, error)
        names = sorted(each.name for each in client.search_registered_models())
        raise ValueError(f"{address}: no model {name!r} is registered; {listed('registered are', names)}") from error
    number = version or registered.aliases.get(alias, "")
    try:
        found = client.get_model_version(name, str(number)) if number else None
    except MlflowException as error:
        check_missing(store, error)
        found = None
    if found is None:
        aliases = [f"{name}@{alias}" for alias in sorted(registered.aliases)]
        versions = sorted((each.version for each in client.search_model_versions(f"name = '{name}'")), key=int)
        what = f"alias {alias!r}" if alias else f"version {version}"
        raise ValueError(
            f"{address}: model {name!r} has no {what}; {listed('its aliases are', aliases)}, "
            f"{listed('its versions are', [str(each) for each in versions])}"
        )
    logged = found.model_id or next(iter(SOURCE.findall(found.source or "")), None)
    if logged is None:
        raise ValueError(f"{address}: version {found.version} was not registered from a logged model; register one")
    return str(logged)


def id_of_run(store: Store, address: str, run_id: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        outputs = store.client.get_run(run_id).outputs
    except MlflowException as error:
        check_missing(store, error)
        raise ValueError(f"{address}: there is no such run in {masked(store.uri)}") from error
    models = outputs.model_outputs if outputs else []
    if not models:
        raise ValueError(f"{address}: this run logged no model; give the run of a train stage")
    return str(models[-1].model_id)


def listed(what: str, names: list[str]) -> str:
    if not names:
        return f"{what} none"
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return f"{what} {', '.join(names[:NAMED_AT_MOST])}{more}"
