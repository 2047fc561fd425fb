"""Real servers for the tests: a Docker registry, an S3-speaking server, PostgreSQL.

The context managers start one and stop it; the fixtures share one of each among all tests of a session. Every server
listens on 127.0.0.1 only, on a port that was free, and keeps its data in a temporary folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

LOOPBACK = "127.0.0.1"
POSTGRES_FOLDERS = "/usr/lib/postgresql/*/bin"
WAIT_SECONDS = 20.0


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The `host:port` of a registry that everyone may read and write; use a repository name of your own."""
    with serve_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3-speaking server."""
    with serve_s3() as endpoint:
        yield endpoint


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The URL of a new bucket, `s3://test-…`, with the environment set so that AWS clients find it.

    A test that changes the environment further calls `forget_s3` after it.
    """
    import boto3

    nothing = str(tmp_path / "no-such-file")
    environment = {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    bucket = f"test-{uuid.uuid4().hex[:12]}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    forget_s3()
    yield f"s3://{bucket}"
    forget_s3()


def forget_s3() -> None:
    """Have S3 file systems made anew, from the environment as it is now; otherwise fsspec keeps them."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a private PostgreSQL cluster."""
    with serve_postgres() as url:
        yield url


@pytest.fixture
def postgres(postgres_server: str) -> str:
    """The URL of a new, empty database."""
    return fresh_database(postgres_server)


@contextmanager
def serve_registry(folder: Path, auth: str = "") -> Iterator[str]:
    """Run Debian's `docker-registry`; yields `127.0.0.1:port`.

    Args:
        folder: for its data (`folder/data`) and configuration.
        auth: the configuration's part of that name, as YAML; empty lets everyone in.
    """
    host = f"{LOOPBACK}:{free_port()}"
    config = folder / "config.yml"
    config.write_text(_registry_config(folder, host, auth))
    command = [_program("docker-registry", "docker-registry"), "serve", str(config)]
    with _running(command, folder / "log", lambda: _answers(f"http://{host}/v2/")):
        yield host


@contextmanager
def serve_s3() -> Iterator[str]:
    """Run moto's S3 server in a thread; yields `http://127.0.0.1:port`."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def serve_postgres() -> Iterator[str]:
    """Run a cluster of its own, without fsync; yields `postgresql://zoo@127.0.0.1:port/postgres`.

    Its folder lies directly below the temporary folder, since the user that it runs as must be able to reach it.
    """
    folder = Path(tempfile.mkdtemp(prefix="zoo-postgres-"))
    try:
        user = _unprivileged()
        if user:
            shutil.chown(folder, user)
        data, port = folder / "data", free_port()
        initdb = [_program("initdb", "postgresql", POSTGRES_FOLDERS), "--pgdata", str(data), "--username", "zoo"]
        _run([*initdb, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"], folder, user)
        settings = {"listen_addresses": LOOPBACK, "port": port, "unix_socket_directories": folder, "fsync": "off"}
        command = [_program("postgres", "postgresql", POSTGRES_FOLDERS), "-D", str(data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        url = f"postgresql://zoo@{LOOPBACK}:{port}/postgres"
        with _running(command, folder / "log", lambda: _connects(url), user):
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fresh_database(url: str) -> str:
    """Create an empty database in a cluster; return its URL."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


def free_port() -> int:
    """Return a port on 127.0.0.1 where nobody listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _registry_config(folder: Path, host: str, auth: str) -> str:
    """Write the configuration: https://distribution.github.io/distribution/about/configuration/."""
    return f"""
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder / "data"}}}
  delete: {{enabled: true}}
http: {{addr: "{host}"}}
{auth and "auth: " + auth}
"""


def _program(name: str, package: str, *folders: str) -> str:
    """Find a program on PATH or in folders; an error names the Debian package that brings it."""
    found = shutil.which(name)
    if not found:
        places = [place for folder in folders for place in sorted(Path("/").glob(folder.lstrip("/")), reverse=True)]
        found = shutil.which(name, path=os.pathsep.join(map(str, places)))
    if not found:
        raise RuntimeError(f"the tests need the program {name!r}: apt-get install {package}")
    return found


def _unprivileged() -> str | None:
    """Say who runs PostgreSQL, which refuses to run as root; None for the present user."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _account(user: str | None) -> dict[str, object]:
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _run(command: list[str], folder: Path, user: str | None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, **_account(user))  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")


@contextmanager
def _running(command: list[str], log: Path, ready: Callable[[], bool], user: str | None = None) -> Iterator[None]:
    """Run a server until the block ends; the block starts when it is ready."""
    with log.open("wb") as writer:
        server = subprocess.Popen(command, stdout=writer, stderr=writer, cwd=log.parent, **_account(user))  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not ready():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)
        yield
    finally:
        server.send_signal(2)  # SIGINT: both servers stop at once and tidy up
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2):
            return True
    except HTTPError:  # it asks for a password, so it is there
        return True
    except (URLError, OSError):
        return False


def _connects(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
