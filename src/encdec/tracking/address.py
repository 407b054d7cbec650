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
SECRET_KEYS = re.compile(
    r"(?i)([?&;][^=&;#]*(?:password|passwd|pwd|token|secret|key|sig|auth|credential)[^=&;#]*=)[^&;#\s]*"
)
SPOKEN = re.compile(r"(?i)\b((?:password|passwd|pwd|token|secret)\s*[=:]\s*|bearer\s+)(?!\*)[^\s,;'\"]+")
SECRET_VARIABLES = (
    PASSWORD_VARIABLE,
    "MLFLOW_TRACKING_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "PGPASSWORD",
)
ADDRESS_VARIABLES = (URI_VARIABLE, "MLFLOW_REGISTRY_URI", "ENCDEC_OPTUNA_STORAGE", "ENCDEC_MIRROR")
SHORTEST_SECRET = 6  # characters; a shorter one is a part of ordinary words
USER_INFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)(?!/)[^\s'\"<>]*@")  # greedy: a password may hold / or @


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


def masked(text: str) -> str:
    """A text in which no address shows its user, password or secret parameters, nor anything a secret of ours."""
    for secret in secrets():
        text = text.replace(secret, "***")
    return SPOKEN.sub(r"\1***", SECRET_KEYS.sub(r"\1***", USER_INFO.sub(r"\1***@", text)))


def holds_secret(text: str) -> bool:
    """Whether an address in a text has an account, or a secret of ours stands in it."""
    return USER_INFO.search(text) is not None or any(secret in text for secret in secrets())


def secrets() -> list[str]:
    """What the environment holds of passwords and keys, also as they stand in an address; the longest first."""
    known = {os.environ.get(name, "") for name in SECRET_VARIABLES}
    for name in ADDRESS_VARIABLES:
        user_info = USER_INFO.match(os.environ.get(name, ""))
        password = user_info[0].partition("://")[2].removesuffix("@").partition(":")[2] if user_info else ""
        known |= {password, unquote(password)}
    known |= {quote(each, safe="") for each in known}
    return sorted((each for each in known if len(each) >= SHORTEST_SECRET), key=len, reverse=True)


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
