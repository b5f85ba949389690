"""The real `dagster dev` for tests: webserver and daemon, started as a user starts them, ended by their ids."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STARTUP_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running `dagster dev`.

    Parameters
    ----------
    url
        Address of the webserver.
    log
        File that its output goes to.
    process
        The process that started webserver, daemon and code servers.
    """

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """Ask a GraphQL question.

        Raises
        ------
        AssertionError
            When the answer holds errors.
        """
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as refusal:
            document = json.load(refusal)
        assert "errors" not in document, document["errors"]
        return dict(document["data"])

    def wait_for(self, happened: Callable[[], Any], what: str, seconds: float) -> Any:
        """Look once a second until something has happened, and return it.

        Raises
        ------
        AssertionError
            When it has not happened in time; with the end of the server's output.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := happened():
                return found
            assert self.process.poll() is None, f"dagster dev has ended by itself:\n{self.tail()}"
            time.sleep(1)
        raise AssertionError(f"After {seconds:.0f} s there was no {what}:\n{self.tail()}")

    def tail(self, lines: int = 60) -> str:
        """The end of the server's output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def dagster_dev(folder: Path, environment: Mapping[str, str], *arguments: str) -> Iterator[Server]:
    """Start `dagster dev` on a free port of the loopback, and end it whatever happens.

    Parameters
    ----------
    folder
        Where it is started.
    environment
        All its variables.
    arguments
        Further arguments, such as ``-m`` with a module.
    """
    port = _free_port()
    log = folder / "dagster_dev.log"
    command = [sys.executable, "-m", "dagster", "dev", *arguments, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        server = Server(f"http://127.0.0.1:{port}", log, process)
        server.wait_for(lambda: _answers(server), "answer of the webserver", STARTUP_SECONDS)
        yield server
    finally:
        _end(process)


def _answers(server: Server) -> bool:
    try:
        return bool(server.query("{ version }"))
    except (urllib.error.URLError, ConnectionError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; where it does not, kill it and what it started, all of which is in its session."""
    process.terminate()
    try:
        process.wait(timeout=40)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
