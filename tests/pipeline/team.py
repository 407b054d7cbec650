"""A team's servers as real processes: PostgreSQL with passwords, S3, and MLflow started as it is deployed."""

import base64
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import boto3
import pytest
from ports import free_port

PATIENCE_SECONDS = 90
ROLES = {"mlflow": "MLFLOW_DB_PASSWORD", "mlflow_auth": "MLFLOW_AUTH_DB_PASSWORD", "optuna": "OPTUNA_DB_PASSWORD"}
BUCKETS = ("mlflow", "dvc")
HOST_NAME = "mlflow.example.org"
PEOPLE = ("ann", "ben", "cleo")
AWKWARD = "/@:% '"  # what an address must write as %XX


class Team(NamedTuple):
    """`secrets`: every password and key, by its variable or by whose it is. `folder`: of the logs.

    `data` is PostgreSQL's, whose programs are `binaries`; its socket lies there too.
    """

    base: str
    s3: str
    postgres_port: int
    secrets: Mapping[str, str]
    folder: Path
    data: Path
    binaries: Path

    @property
    def optuna_url(self) -> str:
        return self.database_url("optuna")

    def database_url(self, name: str) -> str:
        password = quote(self.secrets[ROLES[name]], safe="")
        return f"postgresql://{name}:{password}@127.0.0.1:{self.postgres_port}/{name}"

    @property
    def keys(self) -> dict[str, str]:
        """Of S3, for DVC."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return {**{name: self.secrets[name] for name in names}, "AWS_DEFAULT_REGION": "us-east-1"}

    def client_env(self, person: str, *, in_address: bool = False) -> dict[str, str]:
        """What a member of the team sets; the account in variables of its own, or in the address."""
        password = self.secrets[person]
        shared = {"ENCDEC_OPTUNA_STORAGE": self.optuna_url, **self.keys}
        if in_address:
            return {**shared, "MLFLOW_TRACKING_URI": self.base.replace("://", f"://{person}:{quote(password)}@")}
        account = {"MLFLOW_TRACKING_USERNAME": person, "MLFLOW_TRACKING_PASSWORD": password}
        return {**shared, **account, "MLFLOW_TRACKING_URI": self.base}

    def ask(self, path: str, *, person: str = "admin", host: str = "", body: bytes | None = None) -> tuple[int, bytes]:
        """The status and the answer of the server to one request."""
        account = base64.b64encode(f"{person}:{self.secrets.get(person, 'wrong password')}".encode()).decode()
        headers = {"Authorization": f"Basic {account}", "Content-Type": "application/json"}
        request = Request(f"{self.base}{path}", headers={**headers, **({"Host": host} if host else {})}, data=body)
        try:
            with urlopen(request, timeout=30) as response:
                return int(response.status), response.read()
        except HTTPError as error:
            return error.code, error.read()

    def objects(self, bucket: str) -> dict[str, bytes]:
        """All that lies in a bucket."""
        client = boto3.client(
            "s3",
            endpoint_url=self.s3,
            aws_access_key_id=self.secrets["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.secrets["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        pages: Any = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        names = [each["Key"] for page in pages for each in page.get("Contents", [])]
        return {name: client.get_object(Bucket=bucket, Key=name)["Body"].read() for name in names}

    def dump(self, database: str) -> bytes:
        """A whole database as SQL."""
        command = [self.binaries / "pg_dump", "-h", self.data, "-p", str(self.postgres_port)]
        return subprocess.run([*command, "-U", "postgres", database], capture_output=True, check=True).stdout


@contextmanager
def started_team(root: Path, folder: Path) -> Iterator[Team]:
    """All three servers, with the databases, the buckets and an account for each of the people."""
    names = (*ROLES.values(), "AWS_SECRET_ACCESS_KEY", "MLFLOW_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY")
    known = {name: f"{secrets.token_hex(8)}{AWKWARD}{secrets.token_hex(4)}" for name in names}
    known |= {name: secrets.token_hex(16) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    known |= {person: secrets.token_hex(16) for person in PEOPLE}
    known["admin"] = known["MLFLOW_ADMIN_PASSWORD"]
    postgres, s3, mlflow = (free_port() for _ in range(3))
    with ExitStack() as stack:
        # not below pytest's folder, which is closed to the user that PostgreSQL runs as where root runs the tests
        data = Path(stack.enter_context(TemporaryDirectory(prefix="encdec-postgres-")))
        team = Team(
            base=f"http://127.0.0.1:{mlflow}",
            s3=f"http://127.0.0.1:{s3}",
            postgres_port=postgres,
            secrets=known,
            folder=folder,
            data=data,
            binaries=postgres_binaries(),
        )
        moto = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(s3)]
        stack.enter_context(process(moto, log=folder / "s3.log", env=os.environ))
        stack.enter_context(postgres_server(team))
        make_databases(team, root)
        environment = server_env(team, mlflow)
        done = run([sys.executable, str(root / "deploy" / "make-buckets"), *BUCKETS], environment)
        assert done.stdout.splitlines() == [f"bucket {name} was made" for name in BUCKETS], done.stderr
        server = [str(root / "deploy" / "mlflow-server")]
        running = stack.enter_context(process(server, log=folder / "mlflow.log", env=environment))
        wait_for_mlflow(root, running, folder / "mlflow.log", environment)
        for person in PEOPLE:
            add_account(team, person)
        yield team


def server_env(team: Team, port: int) -> dict[str, str]:
    """What the container of compose.yaml has."""
    names = [*list(ROLES.values())[:2], "MLFLOW_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"]
    (team.folder / "tmp").mkdir(exist_ok=True)
    return {
        **{name: team.secrets[name] for name in names},
        **team.keys,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(team.folder / "tmp"),
        "TMPDIR": str(team.folder / "tmp"),
        "ALLOWED_HOSTS": HOST_NAME,
        "LISTEN_PORT": str(port),
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{BUCKETS[0]}",
        "MLFLOW_S3_ENDPOINT_URL": team.s3,
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(team.postgres_port),
    }


def postgres_binaries() -> Path:
    """PostgreSQL's programs. Without them nothing here can run: in CI that is a failure, elsewhere it is said."""
    try:
        import pgserver
    except ImportError:
        missing = "NO POSTGRESQL, SO A TEAM'S SERVERS WERE NOT TESTED: pip install pgserver (requirements-dev.lock)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return Path(pgserver.__file__).parent / "pginstall" / "bin"


@contextmanager
def postgres_server(team: Team) -> Iterator[None]:
    """PostgreSQL as its image has it: by TCP with passwords alone. pgserver makes the data and, for root, a user."""
    import pgserver

    data = team.data
    server = pgserver.get_server(data, cleanup_mode=None)
    pgserver.pg_ctl(["-w", "stop"], pgdata=data, user=server.system_user)
    (data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    options = f"-h 127.0.0.1 -p {team.postgres_port} -k {data}"
    arguments = ["-w", "-o", options, "-l", str(data / "log"), "start"]
    pgserver.pg_ctl(arguments, pgdata=data, user=server.system_user, timeout=PATIENCE_SECONDS)
    try:
        yield
    finally:
        pgserver.pg_ctl(["-w", "-m", "fast", "stop"], pgdata=data, user=server.system_user)


def make_databases(team: Team, root: Path) -> None:
    """By the script that PostgreSQL's image runs; a second time, as after a changed password."""
    command = [team.binaries / "psql", "-h", team.data, "-p", team.postgres_port, "-U", "postgres"]
    script = root / "deploy" / "postgres" / "databases.sql"
    environment = {**os.environ, **{name: team.secrets[name] for name in ROLES.values()}}
    for _ in range(2):
        run([*map(str, command), "-f", str(script)], environment)


def wait_for_mlflow(root: Path, server: "subprocess.Popen[bytes]", log: Path, environment: Mapping[str, str]) -> None:
    """By the health check of compose.yaml."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    check = [sys.executable, str(root / "deploy" / "mlflow-check")]
    while subprocess.run(check, env=environment, capture_output=True, check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"MLflow did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.5)


def add_account(team: Team, person: str) -> None:
    body = f'{{"username": "{person}", "password": "{team.secrets[person]}"}}'.encode()
    status, answer = team.ask("/api/2.0/mlflow/users/create", body=body)
    assert status == 200, answer


def run(command: list[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@contextmanager
def process(command: list[str], *, log: Path, env: Mapping[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """A server that leads a session of its own, and ends with what it started."""
    with log.open("wb") as file:
        server = start(command, file, env)
        try:
            yield server
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def start(command: list[str], file: IO[bytes], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, env=dict(env), stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
