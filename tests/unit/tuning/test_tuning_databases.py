"""The shared database of studies: what cannot be used is said in a sentence, in seconds, and without its password."""

import socket
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from encdec.tuning.databases import STORAGE_VARIABLE, StorageUnavailable, open_storage


def test_where_none_is_named_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORAGE_VARIABLE, raising=False)
    assert open_storage() is None
    monkeypatch.setenv(STORAGE_VARIABLE, "")
    assert open_storage() is None


def test_a_server_that_is_not_there_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, and not listening
        port = closed.getsockname()[1]
        monkeypatch.setenv(STORAGE_VARIABLE, f"postgresql://ann:s3cret@127.0.0.1:{port}/optuna")
        began = time.monotonic()
        with pytest.raises(StorageUnavailable) as raised:
            open_storage()
    assert time.monotonic() - began < 10
    assert str(raised.value) == (
        f"Optuna's storage at postgresql://***@127.0.0.1:{port}/optuna ({STORAGE_VARIABLE}) cannot be used: "
        f"[Errno 111] Connection refused. Start the database, correct {STORAGE_VARIABLE}, or unset it to keep studies "
        f"in memory and on the disk of this machine"
    )
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "address",
    [
        "postgresql//ann:s3cret@host/db",
        "posgres://ann:s3cret@127.0.0.1/db",
        "s3cret",
        "postgresql://ann@host:s3cret/db",
    ],
)
def test_what_is_no_address_of_a_database_is_said_and_not_shown(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORAGE_VARIABLE, address)
    with pytest.raises(ValueError, match=f"^{STORAGE_VARIABLE} is not the address of a database: write post") as raised:
        open_storage()
    assert "s3cret" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(("table", "whose"), [("experiments", "MLflow's tables"), ("songs", "the tables of another")])
def test_a_database_of_another_program_is_refused_before_anything_is_written(
    table: str, whose: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"sqlite:///{tmp_path / 'other.db'}"
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql(f"CREATE TABLE {table} (id INTEGER)")
    engine.dispose()
    before = (tmp_path / "other.db").read_bytes()
    monkeypatch.setenv(STORAGE_VARIABLE, address)
    with pytest.raises(ValueError, match=f"holds {whose}.*give Optuna a database of its own"):
        open_storage()
    assert (tmp_path / "other.db").read_bytes() == before


def test_tables_of_another_version_of_optuna_are_refused_with_the_way_to_mend_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORAGE_VARIABLE, f"sqlite:///{tmp_path / 'optuna.db'}")
    storage = open_storage()
    assert storage is not None
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
    with pytest.raises(ValueError, match="optuna storage upgrade"):
        open_storage()
