"""The real thing: a Uvicorn process over TCP, and pages fetched from a loopback site."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from tests.backend_contract import check_row
from tests.conftest import DATA, ROOT

STORY = json.loads((DATA / "stories.jsonl").read_text().splitlines()[0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*command: str, port: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server process, from the moment its port answers."""
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        while process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    """The port of a loopback web site that serves tests/data/pages."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(DATA / "pages"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_process_starts_answers_and_stops() -> None:
    with running("-m", "service", "serve", port=free_port()) as (url, process):
        assert requests.get(f"{url}/health", timeout=30).status_code == 200
        story = {"text": STORY["text"], "title": STORY["title"]}
        answer = requests.post(f"{url}/predict", json=story, timeout=30).json()
        check_row(answer)
        assert answer["label"] == STORY["label"]
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=15)
        assert process.returncode in (0, -signal.SIGTERM)
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [line["path"] for line in lines] == ["/health", "/predict"]
    assert lines[1]["label"] == STORY["label"]
    assert STORY["title"] not in log
    assert "API_TOKENS is not set" in log


@pytest.mark.parametrize(
    ("page", "label", "city"),
    [
        ("shooting.html", "brutality", "Dayton"),
        ("council.html", "none", "Boise"),
        ("crash.html", "none", None),
    ],
)
def test_a_page_goes_in_by_url(site: int, page: str, label: str, city: str | None) -> None:
    port = free_port()
    with running("-m", "tests.loopback_server", str(site), port=port) as (url, _):
        page_url = f"http://127.0.0.1:{site}/{page}"
        response = requests.post(f"{url}/predict", json={"url": page_url}, timeout=30)
        answer = response.json()
        assert response.status_code == 200, answer
        check_row(answer)
        assert answer["label"] == label
        assert answer["src"]
        assert answer["title"]
        if city:
            assert answer["city"] == city


def test_a_missing_model_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    environment = {**os.environ, "MODEL_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", "service", "serve"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert run.stderr.strip() == f"error: no model at {tmp_path}: config.json is missing"
