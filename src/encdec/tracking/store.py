"""The MLflow store: reached once, with a clear error where it cannot be, before any work is done."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock

from encdec.masking import masked
from encdec.remedies import check_writable, explained
from encdec.tracking.address import (
    ARTIFACT_FOLDER,
    DATABASE_FILE,
    NAME_VARIABLE,
    PASSWORD_VARIABLE,
    URI_VARIABLE,
    is_database,
    is_server,
    tracking_uri,
)
from encdec.tracking.project import Project
from encdec.tracking.sqlite import disk_trouble, make_sqlite

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

TIMEOUT_VARIABLE = "MLFLOW_HTTP_REQUEST_TIMEOUT"
IMPATIENT = {TIMEOUT_VARIABLE: "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
CONNECT_SECONDS = 5
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
LOCK_FILE = "mlflow.lock"
LOCK_SECONDS = 120
MAX_REASON = 300  # characters
PAGE = 1000  # runs that a store gives at once; it refuses many more
LOST = ("BAD_REQUEST", "INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
LOCKED_OUT = ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")


class TrackingUnavailable(ConnectionError):
    """The MLflow store cannot be used; the message says where it was looked for and what to do."""


class Store(NamedTuple):
    """`client`: use it instead of mlflow's own functions, whose state is global."""

    client: "MlflowClient"
    experiment_id: str
    uri: str
    project: Project


def open_store(experiment: str, project: Project) -> Store:
    """Reach the store, create or migrate the database and make the experiment where it is missing.

    Raises:
        TrackingUnavailable: within seconds, where the server or the database cannot be used.
    """
    prepare_environment()
    uri = tracking_uri(project)
    project.work.mkdir(parents=True, exist_ok=True)
    check_writable(project.work / LOCK_FILE)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        # Two processes that create one database at once break it, and two that create one experiment collide.
        with FileLock(project.work / LOCK_FILE, timeout=LOCK_SECONDS), patient_for_seconds():
            client = connect(uri)
            return Store(client, find_experiment(client, experiment, uri, project), uri, project)
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        raise TrackingUnavailable(unavailable(uri, error)) from None  # the cause would show the password


@contextmanager
def reached(store: Store) -> Iterator[None]:
    """Says in a sentence that the store was lost while it was used: its disk is full, the server is gone.

    Raises:
        TrackingUnavailable: for what MLflow says about its store; its words about our mistakes are left as they are.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code not in (*LOST, *LOCKED_OUT):
            raise
        raise TrackingUnavailable(unavailable(store.uri, error)) from None  # the cause would show the password


def search(store: Store, filter_string: str) -> list["Run"]:
    """The runs of the experiment that are not deleted, the newest first."""
    found: list[Run] = []
    order, token = ["attributes.start_time DESC"], None
    while True:
        page = store.client.search_runs(
            [store.experiment_id], filter_string, order_by=order, max_results=PAGE, page_token=token
        )
        found += page
        token = page.token
        if not token:
            return found


def is_away(uri: str, error: Exception) -> bool:
    """Whether a server, or a database that is one, cannot be used for now: what it was to be told may be told later.

    A database that is a file is never away: what it says will be true in a minute too.
    """
    from mlflow.exceptions import MlflowException
    from requests import HTTPError

    if uri.lower().startswith("sqlite"):
        return False
    if isinstance(error, MlflowException):
        away = {*LOST, *LOCKED_OUT}
        if is_server(uri):
            away = (away - {"BAD_REQUEST"}) | {"ENDPOINT_NOT_FOUND"}  # what stands before it says so while it starts
        return error.error_code in away
    if isinstance(error, HTTPError) and error.response is not None:
        status: int = error.response.status_code
        return status >= 500 or status in (401, 403, 404, 408, 429)
    return True  # there was no answer


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def end_run(store: Store, run_id: str, status: str, *, at: int | None = None) -> None:
    """Never before it began: the clock of the system may have been set back meanwhile.

    Args:
        at: milliseconds; now, where nothing is given.
    """
    began: int = store.client.get_run(run_id).info.start_time
    store.client.set_terminated(run_id, status, end_time=max(at or now_ms(), began))


def prepare_environment() -> None:
    """What must be set before mlflow is imported."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # a bar for each file of a few kB
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines for each trial
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # sixty lines of migrations at the first start
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # a traceback of what is raised anyway


@contextmanager
def patient_for_seconds(*, timeout: bool = True) -> Iterator[None]:
    """MLflow waits for minutes by default, and tries again for more.

    Args:
        timeout: whether it also gives up a call that takes more than a few seconds.
    """
    limits = {name: value for name, value in IMPATIENT.items() if timeout or name != TIMEOUT_VARIABLE}
    before = {name: os.environ.get(name) for name in limits}
    os.environ.update({name: before[name] or value for name, value in limits.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def connect(uri: str) -> "MlflowClient":
    """A client; MLflow itself makes the tables that a database lacks, also those of an older MLflow's."""
    from mlflow import MlflowClient

    if is_database(uri):
        check_database(uri)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def check_database(uri: str) -> None:
    """Connect once by ourselves: MLflow tries fifteen times, with longer and longer pauses (hours)."""
    import socket

    from sqlalchemy import create_engine, inspect
    from sqlalchemy.engine import make_url

    url = make_url(uri)
    dialect = url.get_backend_name()
    if url.host:
        socket.create_connection((url.host, url.port or DATABASE_PORTS.get(dialect, 0)), CONNECT_SECONDS).close()
    elif dialect == "sqlite" and url.database:
        make_sqlite(Path(url.database))
    engine = create_engine(url)
    try:
        inspect(engine)
    finally:
        engine.dispose()


def find_experiment(client: "MlflowClient", name: str, uri: str, project: Project) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        folder = (project.home / ARTIFACT_FOLDER).as_uri() if is_database(uri) else None
        try:
            return str(client.create_experiment(name, artifact_location=folder))
        except MlflowException as error:  # another machine was quicker
            found = client.get_experiment_by_name(name)
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or found is None:
                raise
    if found.lifecycle_stage != "active":
        raise ValueError(
            f"params.yaml: tracking.experiment: {name!r} was deleted in MLflow: restore it there "
            f"(mlflow experiments restore -x {found.experiment_id}), or choose another name"
        )
    return str(found.experiment_id)


def in_short(error: Exception) -> str:
    reason = masked(str(error)).strip().splitlines()
    return f"{type(error).__name__}: {reason[0][:MAX_REASON]}" if reason else type(error).__name__


def unavailable(uri: str, error: Exception) -> str:
    said = in_short(error)
    where = f"MLflow at {masked(uri)}"
    trouble = disk_trouble(uri, error)
    if trouble is not None:
        return f"{where} cannot be used: {explained(trouble)}"
    if os.environ.get(URI_VARIABLE):
        way_out = f"Start the server, correct {URI_VARIABLE}, or unset it to keep runs in {DATABASE_FILE}."
        if getattr(error, "error_code", None) in LOCKED_OUT:
            way_out = f"Set {NAME_VARIABLE} and {PASSWORD_VARIABLE} to an account that may."
        return f"{where} ({URI_VARIABLE}) cannot be used: {said}. {way_out}"
    return f"{where} cannot be used: {said}. Free or repair it, or move {DATABASE_FILE} away to begin a new one."
