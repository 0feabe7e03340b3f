"""The smoke script tells a service that works from one that does not."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.probe import UnreachableError, ask, free_port
from bench.processes import serving
from bench.smoke import smoke


@contextmanager
def answering(answer: dict[str, object], status: int = 200) -> Iterator[str]:
    """The address of a server that gives everybody the same answer, and health."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self, code: int) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def do_GET(self) -> None:
            self._reply(200)

        def do_POST(self) -> None:
            self._reply(status)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_real_service_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_TOKENS", "secret")
    with serving(("service", "serve")) as server:
        assert smoke(server.url, "secret", 30) == 0, capsys.readouterr().out
        assert smoke(server.url, None, 30) == 1
    assert "FAIL  the token is accepted" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [{"label": "brutality"}, {"error_type": "blocked_address"}, {}])
def test_a_service_that_always_says_the_same_fails(answer: dict[str, object]) -> None:
    with answering(answer) as url:
        assert smoke(url, None, 5) == 1


def test_nothing_there_fails_and_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert smoke(url, None, 0) == 1
    with pytest.raises(UnreachableError, match=url):
        ask(url)
