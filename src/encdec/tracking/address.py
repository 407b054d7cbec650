"""The address of the MLflow store, and what of it may be shown."""

import json
import os
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from encdec.tracking.project import Project

URI_VARIABLE = "MLFLOW_TRACKING_URI"
NAME_VARIABLE, PASSWORD_VARIABLE = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
DATABASE_FILE = "mlflow.db"
ARTIFACT_FOLDER = "mlruns"


def tracking_uri(project: Project) -> str:
    """MLFLOW_TRACKING_URI where it is set, else the database of the project, by its absolute path.

    An account in the address of a server goes to MLflow's own variables and out of the address: MLflow prints that
    after every run, with the password.
    """
    uri = os.environ.get(URI_VARIABLE)
    if not uri:
        return embedded_uri(project)
    account, at, host = urlsplit(uri).netloc.rpartition("@") if is_server(uri) else ("", "", "")
    if at:
        name, _, password = account.partition(":")
        if not os.environ.get(NAME_VARIABLE):  # as in MLflow: the variables win
            os.environ |= {NAME_VARIABLE: unquote(name), PASSWORD_VARIABLE: unquote(password)}
        uri = urlunsplit(urlsplit(uri)._replace(netloc=host))
        os.environ[URI_VARIABLE] = uri
    return uri


def embedded_uri(project: Project) -> str:
    return f"sqlite:///{(project.home / DATABASE_FILE).as_posix()}"


def is_server(uri: str) -> bool:
    return uri.lower().startswith(("http://", "https://"))


def is_database(uri: str) -> bool:
    return re.split(r"[:+]", uri.lower())[0] in ("sqlite", "postgresql", "mysql", "mssql")


def without_credentials(uri: str) -> str:
    """The address of a server as a person may open it in a browser."""
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def runs_page(base: str, experiment_id: str, view: str) -> str:
    """The table of runs in a shared view; MLflow 3 opens an experiment's own address on an empty page of traces."""
    return f"{base}/#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={view}"


def compare_page(base: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """The comparison of some runs, in that order."""
    runs, experiments = (quote(json.dumps(ids, separators=(",", ":"))) for ids in (list(run_ids), [experiment_id]))
    return f"{base}/#/compare-runs?runs={runs}&experiments={experiments}&workflowType=machine_learning"
