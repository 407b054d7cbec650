"""The database of Optuna's studies that a team shares: reached once, with a clear error where it cannot be."""

import os
import socket
import time
from typing import TYPE_CHECKING

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from encdec.masking import masked

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

STORAGE_VARIABLE = "ENCDEC_OPTUNA_STORAGE"
CONNECT_SECONDS = 5
PORTS = {"postgresql": 5432, "mysql": 3306}
CONNECTIONS: dict[str, dict[str, int]] = {
    # a network that swallows everything must end a trial with a sentence, not hold it for hours
    "postgresql": {"connect_timeout": CONNECT_SECONDS, "keepalives_idle": 10, "tcp_user_timeout": 30_000},
    "mysql": {"connect_timeout": CONNECT_SECONDS},
}
FOREIGN, OWN = "alembic_version", "studies"
MLFLOW = "experiments"
CREATIONS = 5
"""Processes that make Optuna's tables at once collide in PostgreSQL, and all but one have to look again."""


class StorageUnavailable(ConnectionError):
    """The shared database of studies cannot be used; the message says where it was looked for and what to do."""


def open_storage() -> RDBStorage | None:
    """The database that ENCDEC_OPTUNA_STORAGE names; None where it is not set. Tables that it lacks are made.

    Raises:
        ValueError: the address is none of a database, or the database holds something else.
        StorageUnavailable: within seconds, where it does not answer or refuses.
    """
    address = os.environ.get(STORAGE_VARIABLE, "")
    if not address:
        return None
    url = read_address(address)
    where = f"Optuna's storage at {masked(address)} ({STORAGE_VARIABLE})"
    try:
        reach(url)
        check_tables(url, where)
        return create_storage(url)
    except RuntimeError as error:  # of another version of Optuna's
        raise ValueError(f"{where} cannot be used: {masked(str(error))}") from None
    except ImportError as error:
        raise ValueError(f'{where} cannot be used: {error}: pip install -e ".[team]" has the driver') from None
    except (SQLAlchemyError, StorageInternalError, OSError) as error:
        cause = error.__cause__ or error
        said = (masked(str(cause)).strip().splitlines() or [type(cause).__name__])[0]
        raise StorageUnavailable(
            f"{where} cannot be used: {said}. Start the database, correct {STORAGE_VARIABLE}, or unset it to keep "
            f"studies in memory and on the disk of this machine"
        ) from None  # the cause might show the password


def read_address(address: str) -> "URL":
    """Raises:
    ValueError: it is none; it is not shown, as nobody can tell which part of it is a password.
    """
    try:
        url = make_url(address)
        if url.drivername == "postgresql":  # the driver of the extra `team`; SQLAlchemy's own choice is another one
            url = url.set(drivername="postgresql+psycopg2")
        url.get_dialect()
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        raise ValueError(
            f"{STORAGE_VARIABLE} is not the address of a database: write "
            f"postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with the special characters of the password as %XX"
        ) from None
    return url


def reach(url: "URL") -> None:
    """A driver may try for minutes."""
    backend = url.get_backend_name()
    if url.host and backend in PORTS:
        socket.create_connection((url.host, url.port or PORTS[backend]), CONNECT_SECONDS).close()


def check_tables(url: "URL", where: str) -> None:
    """Raises:
    ValueError: the tables are not Optuna's; MLflow and Optuna both number their migrations in the same table.
    """
    engine = create_engine(url, connect_args=CONNECTIONS.get(url.get_backend_name(), {}))
    try:
        tables = inspect(engine).get_table_names()
    finally:
        engine.dispose()
    if FOREIGN in tables and (OWN not in tables or MLFLOW in tables):
        whose = "MLflow's tables" if MLFLOW in tables else "the tables of another program"
        raise ValueError(
            f"{where} holds {whose}, and both keep the number of their migrations in a table {FOREIGN!r}: give Optuna "
            f"a database of its own on that server (CREATE DATABASE optuna) and name it in {STORAGE_VARIABLE}"
        )


def create_storage(url: "URL") -> RDBStorage:
    for _ in range(CREATIONS - 1):
        try:
            return connect(url)
        except (SQLAlchemyError, StorageInternalError):
            time.sleep(0.5)
    return connect(url)


def connect(url: "URL") -> RDBStorage:
    arguments = CONNECTIONS.get(url.get_backend_name(), {})
    return RDBStorage(
        url.render_as_string(hide_password=False), engine_kwargs={"pool_pre_ping": True, "connect_args": arguments}
    )
