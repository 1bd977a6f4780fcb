"""What the browser looks at: the exported graph of a project and MLflow's page, each on a free port."""

from __future__ import annotations

import functools
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENVIRONMENT = {**os.environ, "DO_NOT_TRACK": "1", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
SECONDS_TO_START = 60


def export_graph(project: Path) -> Path:
    """Draw the pipelines of a project; returns the folder of the page."""
    command = [sys.executable, "-m", "kedro", "viz", "build", "--include-hooks", "--include-previews"]
    built = subprocess.run(command, cwd=project, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (project / "build" / "index.html").is_file(), built.stdout + built.stderr
    return project / "build"


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve the files of a folder; gives the address."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve_mlflow(folder: Path) -> Iterator[str]:
    """MLflow's server over `mlflow.db` in a folder, started as `make ui` does; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("mlflow")
    options = ["--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [program, "server", *options, "--backend-store-uri", "sqlite:///mlflow.db"],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/health", server, folder / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


def _wait_until_it_answers(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            alive = server.poll() is None and time.monotonic() < end
            assert alive, f"MLflow's server did not start:\n{log.read_text()}"
            time.sleep(0.3)
