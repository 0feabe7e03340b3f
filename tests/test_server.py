"""The real thing: a Uvicorn process over TCP, and pages fetched from a loopback site."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
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
def running(
    *command: str, port: int, stderr: int = subprocess.PIPE
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server process, from the moment its port answers.

    A pipe holds the log lines of some 200 requests; then the server would wait for a reader.
    """
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, stderr=stderr, text=True
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
        assert requests.get(f"{url}/health", timeout=60).status_code == 200
        story = {"text": STORY["text"], "title": STORY["title"]}
        answer = requests.post(f"{url}/predict", json=story, timeout=60).json()
        check_row(answer)
        assert answer["label"] == STORY["label"]
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
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
        response = requests.post(f"{url}/predict", json={"url": page_url}, timeout=60)
        answer = response.json()
        assert response.status_code == 200, answer
        check_row(answer)
        assert answer["label"] == label
        assert answer["src"]
        assert answer["title"]
        if city:
            assert answer["city"] == city


def start_refused(**settings: str) -> str:
    """What a service says that does not start with these settings."""
    run = subprocess.run(
        [sys.executable, "-m", "service", "serve"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1
    return run.stderr.removeprefix("error: ").strip()


def test_a_missing_model_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    said = start_refused(MODEL_DIR=str(tmp_path))
    assert said == f"no model at {tmp_path}: config.json is missing"


def test_bad_settings_stop_the_start_with_one_sentence() -> None:
    assert start_refused(METRICS_ACCESS="token") == "METRICS_ACCESS='token': API_TOKENS is not set"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in start_refused(OTEL_EXPORTER_OTLP_ENDPOINT="a:1")


def test_sigterm_answers_what_is_in_flight_and_refuses_what_comes() -> None:
    asked, released = threading.Event(), threading.Event()

    class Slow(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            assert released.wait(60)
            super().do_GET()

    handler = partial(Slow, directory=str(DATA / "pages"))
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), handler) as slow,
        ThreadPoolExecutor(2) as threads,
        running("-m", "tests.loopback_server", str(slow.server_port), port=free_port()) as (
            url,
            process,
        ),
    ):
        threads.submit(slow.serve_forever)
        page = f"http://127.0.0.1:{slow.server_port}/shooting.html"
        answer = threads.submit(requests.post, f"{url}/predict", json={"url": page}, timeout=60)
        assert asked.wait(60)
        process.send_signal(signal.SIGTERM)
        try:
            while True:  # until it takes no more connections
                requests.get(f"{url}/health", timeout=60)
        except requests.ConnectionError:
            stopping = time.monotonic()
        released.set()
        assert answer.result().json()["label"] == "brutality"
        process.communicate(timeout=60)
        assert time.monotonic() - stopping < 10
        slow.shutdown()


@pytest.mark.slow
def test_sigterm_ends_within_ten_seconds_whatever_is_in_flight() -> None:
    asked, released = threading.Event(), threading.Event()

    class Never(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            assert released.wait(60)

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Never) as never,
        ThreadPoolExecutor(2) as threads,
        running("-m", "tests.loopback_server", str(never.server_port), port=free_port()) as (
            url,
            process,
        ),
    ):
        threads.submit(never.serve_forever)
        page = f"http://127.0.0.1:{never.server_port}/shooting.html"
        answer = threads.submit(requests.post, f"{url}/predict", json={"url": page}, timeout=60)
        assert asked.wait(60)
        process.send_signal(signal.SIGTERM)
        stopping = time.monotonic()
        process.communicate(timeout=60)
        assert time.monotonic() - stopping < 10
        assert (answer.result().status_code, answer.result().json()["error_type"]) == (
            503,
            "not_ready",
        )
        released.set()
        never.shutdown()


def test_nothing_secret_is_logged(site: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the token, right or wrong, not the story, not what follows a URL's host."""
    monkeypatch.setenv("API_TOKENS", "TokenSecret")
    right, wrong = {"Authorization": "TokenSecret"}, {"Authorization": "Bearer GuessSecret"}
    text = {"text": "TextSecret: police met a man.", "title": "TitleSecret"}
    with running("-m", "tests.loopback_server", str(site), port=free_port()) as (url, process):
        base = f"http://127.0.0.1:{site}"
        stories: list[dict[str, Any]] = [
            text,
            {"url": f"{base}/crash.html?q=QuerySecret"},
            {"url": f"{base}/PathSecret.html"},
            {"url": "http://UserSecret:PassSecret@127.0.0.1/"},
            {"url": "http://[QuerySecret"},
            {"text": "a", "FieldSecret": 1},
        ]
        for story in stories:
            for headers in (right, wrong):
                requests.post(f"{url}/predict", json=story, headers=headers, timeout=60)
                batch = {"stories": [story]}
                requests.post(f"{url}/predict/batch", json=batch, headers=headers, timeout=60)
        requests.get(f"{url}/places", params={"q": "QuerySecret"}, headers=right, timeout=60)
        requests.get(f"{url}/PathSecret?token=TokenSecret", timeout=60)
        requests.post(f"{url}/predict", data=b"BodySecret{", headers=right, timeout=60)
        process.send_signal(signal.SIGTERM)
        _, logged = process.communicate(timeout=60)
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert len(lines) == 27
    assert len({line["request_id"] for line in lines}) == 27
    assert "secret" not in logged.lower()


def test_killed_in_the_midst_it_leaves_nothing_and_starts_again(
    site: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    story = {"text": STORY["text"], "title": STORY["title"]}
    command, port, busy = ("-m", "tests.loopback_server", str(site)), free_port(), threading.Event()

    def keep_asking(url: str) -> None:
        with suppress(requests.ConnectionError):
            while True:
                requests.post(f"{url}/predict", json=story, timeout=60)
                busy.set()

    with (
        ThreadPoolExecutor(4) as threads,
        running(*command, port=port, stderr=subprocess.DEVNULL) as (url, process),
    ):
        page = {"url": f"http://127.0.0.1:{site}/shooting.html"}
        assert requests.post(f"{url}/predict", json=page, timeout=60).status_code == 200
        right = requests.post(f"{url}/predict", json=story, timeout=60).json()
        (reader,) = psutil.Process(process.pid).children(recursive=True)
        for _ in range(4):
            threads.submit(keep_asking, url)
        assert busy.wait(60)
        process.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([reader], timeout=60)[1] == []
    with running(*command, port=port) as (url, process):
        assert requests.get(f"{url}/health", timeout=60).status_code == 200
        # 3 seconds, of processor time: what else the machine does must not count.
        assert sum(psutil.Process(process.pid).cpu_times()[:2]) < 3
        assert requests.post(f"{url}/predict", json=story, timeout=60).json() == right
    assert list(tmp_path.iterdir()) == []
