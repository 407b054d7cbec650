"""What is deployed, as far as it can be checked without a container engine; test_team.py starts it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

GOOD = {
    "ALLOWED_HOSTS": "mlflow.example.org",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "key",
    "MLFLOW_ADMIN_PASSWORD": "long enough for it",
    "MLFLOW_ARTIFACTS_DESTINATION": "s3://mlflow",
    "MLFLOW_AUTH_DB_PASSWORD": "a%b@c/d",
    "MLFLOW_DB_PASSWORD": "a%b@c/d",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "k",
    "POSTGRES_HOST": "postgres",
}


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def example(root: Path) -> dict[str, str]:
    """The variables of .env.example with their values."""
    lines = (root / "deploy" / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def test_the_compose_file_is_one(root: Path) -> None:
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, root / "deploy" / "compose.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_variable_of_the_compose_file_is_explained_and_no_secret_has_a_value(root: Path) -> None:
    text = (root / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(\w+)", text))
    known = example(root)
    assert asked <= known.keys()
    assert known.keys() - asked == {"COMPOSE_PROFILES"}
    secret = [name for name in known if re.search("PASSWORD|SECRET|KEY", name)]
    assert len(secret) == 8
    assert {known[name] for name in secret} == {""}
    for name in secret:  # an empty one stops compose instead of starting a server without a password
        assert re.search(rf"\$\{{{name}:\?", text), name


def test_only_this_machine_reaches_the_ports_unless_told_otherwise(compose: dict[str, Any], root: Path) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith("${BIND_ADDRESS:-127.0.0.1}:") for port in ports)
    assert example(root)["BIND_ADDRESS"] == "127.0.0.1"


def test_every_service_is_hardened_and_its_image_is_of_one_version(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["init"] is True, name
        assert "privileged" not in service, name
        assert "build" in service or re.search(r":v?\d+\.\d+(\.\d+)?[-@\w.:]*$", service["image"]), name


def test_postgres_can_be_told_to_stop_though_it_leaves_root(compose: dict[str, Any]) -> None:
    service = compose["services"]["postgres"]
    assert service["init"] is True  # root, which without KILL may not signal the user postgres
    assert set(service["cap_add"]) == {"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"}


def test_the_guide_says_that_a_new_admins_password_goes_to_the_health_check_too(root: Path) -> None:
    asked = set(re.findall(r"MLFLOW_ADMIN_\w+", (root / "deploy" / "mlflow-check").read_text(encoding="utf-8")))
    assert asked == {"MLFLOW_ADMIN_PASSWORD", "MLFLOW_ADMIN_USERNAME"}
    guide = " ".join((root / "deploy" / "README.md").read_text(encoding="utf-8").split())
    assert "The admin's: put the new one into `.env` as `MLFLOW_ADMIN_PASSWORD` as well" in guide


def start(root: Path, changed: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """The script with a program in the place of `mlflow` that prints what it was given."""
    environment = {**GOOD, "PATH": f"{changed.pop('bin', '')}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [str(root / "deploy" / "mlflow-server")]
    return subprocess.run(command, env={**environment, **changed}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"MLFLOW_DB_PASSWORD": ""}, "  MLFLOW_DB_PASSWORD: of the role mlflow in PostgreSQL"),
        ({"MLFLOW_FLASK_SERVER_SECRET_KEY": ""}, "  MLFLOW_FLASK_SERVER_SECRET_KEY: signs"),
        ({"MLFLOW_ADMIN_PASSWORD": "short-one"}, "  MLFLOW_ADMIN_PASSWORD: at least 12 characters"),
        ({"MLFLOW_ADMIN_PASSWORD": "password1234"}, "  MLFLOW_ADMIN_PASSWORD: at least 12 characters"),
        ({"ALLOWED_HOSTS": "a.example.org, *"}, "  ALLOWED_HOSTS: * switches the check"),
    ],
)
def test_a_server_without_its_secrets_or_its_host_names_does_not_start(
    root: Path, changed: dict[str, str], said: str
) -> None:
    done = start(root, changed)
    assert done.returncode == 1
    assert done.stderr.startswith("mlflow-server: set these variables (deploy/.env.example):\n")
    assert said in done.stderr
    assert "short-one" not in done.stderr
    assert "password1234" not in done.stderr


def test_the_server_is_told_its_secrets_by_the_environment_alone(root: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "mlflow"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@"\necho "$MLFLOW_BACKEND_STORE_URI"\ncat "$MLFLOW_AUTH_CONFIG_PATH"\n')
    program.chmod(0o755)
    changed = {"bin": str(program.parent), "TMPDIR": str(tmp_path), "MLFLOW_S3_ENDPOINT_URL": ""}
    done = start(root, changed)
    arguments, uri, *config = done.stdout.splitlines()
    assert uri == "postgresql+psycopg2://mlflow:a%25b%40c%2Fd@postgres:5432/mlflow"
    assert "database_uri = postgresql+psycopg2://mlflow_auth:a%%25b%%40c%%2Fd@postgres:5432/mlflow_auth" in config
    assert "a%" not in arguments
    assert "--app-name basic-auth --host 127.0.0.1 --port 5000" in arguments
    allowed = "mlflow.example.org,mlflow.example.org:*,localhost,localhost:*,127.0.0.1,127.0.0.1:*"
    assert f"--allowed-hosts {allowed} --cors-allowed-origins https://mlflow.example.org" in arguments
    (folder,) = tmp_path.glob("mlflow-auth-*")
    assert folder.stat().st_mode & 0o777 == 0o700
