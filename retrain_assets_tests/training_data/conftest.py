"""Real servers for the sources: a PostgreSQL cluster and an S3 server, both on loopback."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
import sqlalchemy as sa
from moto.server import ThreadedMotoServer


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL cluster."""

    port: int
    user: str
    password: str

    def url(self, password: str | None = None) -> str:
        """SQLAlchemy address of the cluster's database."""
        return f"postgresql+psycopg://{self.user}:{password or self.password}@127.0.0.1:{self.port}/postgres"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _programs() -> Path | None:
    """Folder of the server's programs, which Debian keeps off the PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Run a PostgreSQL cluster; the server refuses root, so root starts it as the user postgres."""
    programs = _programs()
    if programs is None:
        pytest.skip("the PostgreSQL server is not installed (package postgresql)")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser to switch the user")
    folder = Path(tempfile.mkdtemp(prefix="retrain-assets-postgres-"))
    if as_user:
        shutil.chown(folder, "postgres")
    cluster = Cluster(_free_port(), "tester", secrets.token_hex(12))
    secret = folder / "secret"
    secret.write_text(cluster.password)
    secret.chmod(0o644)
    data = folder / "data"
    subprocess.run(
        [
            *as_user,
            *(programs / "initdb", "-D", data, "-U", cluster.user, "--pwfile", secret),
            *("-A", "scram-sha-256", "-E", "UTF8", "--no-sync", "--no-instructions"),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    server = subprocess.Popen(
        [
            *as_user,
            *(programs / "postgres", "-D", data, "-p", str(cluster.port), "-k", folder),
            *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        _wait_until_ready(cluster, server)
        yield cluster
    finally:
        _stop(data / "postmaster.pid", server)
        shutil.rmtree(folder)


def _wait_until_ready(cluster: Cluster, server: subprocess.Popen[bytes]) -> None:
    engine = sa.create_engine(cluster.url(), poolclass=sa.NullPool)
    for _ in range(300):
        try:
            engine.connect().close()
        except sa.exc.OperationalError:
            if server.poll() is not None:
                raise
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("PostgreSQL did not start within 30 seconds")


def _stop(pid_file: Path, server: subprocess.Popen[bytes]) -> None:
    """Ask the server itself to end, not the runuser around it."""
    if pid_file.exists():
        os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGINT)
    else:
        server.terminate()
    server.wait(timeout=30)


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3 server."""

    name: str
    options: dict[str, str]
    client: object

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def s3() -> Iterator[Bucket]:
    """Open an empty bucket of an S3 server on loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {
        "aws_access_key_id": "someone",
        "aws_secret_access_key": "something",
        "aws_region": "us-east-1",
        "aws_endpoint_url": f"http://{host}:{port}",
        "aws_allow_http": "true",
    }
    client = boto3.client(
        "s3",
        endpoint_url=options["aws_endpoint_url"],
        aws_access_key_id="someone",
        aws_secret_access_key="something",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="deliveries")
    yield Bucket("deliveries", options, client)
    client.close()
    server.stop()


class _Site(ThreadingHTTPServer):
    """A web server of byte strings that answers as servers of files do: HEAD, ETag and ranges."""

    files: dict[str, bytes]


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Site

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        """Tell what there is."""
        self._answer(with_content=False)

    def do_GET(self) -> None:
        """Give all of it, or a range."""
        self._answer(with_content=True)

    def _answer(self, *, with_content: bool) -> None:
        content = self.server.files.get(self.path)
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if content is None:
            self.send_response(404)
            part = b""
        elif wanted:
            size = len(content)
            first = int(wanted[1]) if wanted[1] else max(size - int(wanted[2]), 0)
            last = min(int(wanted[2] or size - 1), size - 1) if wanted[1] else size - 1
            part = content[first : last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        else:
            self.send_response(200)
            part = content
        if content is not None:
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Last-Modified", "Tue, 21 Oct 2025 07:28:00 GMT")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if with_content:
            self.wfile.write(part)


@pytest.fixture
def site() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Serve files over HTTP: the address, and the files by their path."""
    server = _Site(("127.0.0.1", 0), _Answer)
    server.files = {}
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", server.files
    server.shutdown()
    thread.join()
    server.server_close()
