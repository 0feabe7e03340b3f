"""Traces reach a real collector on loopback, and tell nothing that they should not."""

import gzip
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from service.errors import SettingsError
from service.tracing import start_tracing
from tests.conftest import DATA
from tests.test_server import free_port, running

STORY = json.loads((DATA / "stories.jsonl").read_text().splitlines()[0])
STAGES = {"tokenise", "queue", "model", "places"}


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """An OTLP collector: its address, and what was exported to it."""
    exports: list[ExportTraceServiceRequest] = []

    class Collect(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            exports.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collect) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", exports
        server.shutdown()
        thread.join()


def test_requests_and_their_stages_are_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with collector() as (endpoint, exports):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        with running("-m", "service", "serve", port=port) as (url, process):
            trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
            story = {"text": STORY["text"], "title": STORY["title"]}
            headers = {"traceparent": f"00-{trace}-{caller}-01"}
            answer = requests.post(f"{url}/predict", json=story, headers=headers, timeout=60)
            assert answer.status_code == 200
            requests.get(f"{url}/places", params={"q": "Zyxwvut"}, timeout=60)
            requests.get(f"{url}/health", timeout=60)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    spans: list[Span] = [
        span
        for export in exports
        for resource in export.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (judged,) = [span for span in spans if span.name == "POST /predict"]
    assert (judged.trace_id.hex(), judged.parent_span_id.hex()) == (trace, caller)
    stages = {span.name: span for span in spans if span.parent_span_id == judged.span_id}
    assert set(stages) == STAGES
    for span in stages.values():
        assert span.trace_id == judged.trace_id
        assert judged.start_time_unix_nano <= span.start_time_unix_nano + 1_000_000
        assert span.start_time_unix_nano <= span.end_time_unix_nano
    names = {span.name for span in spans}
    assert "GET /places" in names
    assert "GET /health" not in names
    sent = b"".join(export.SerializeToString() for export in exports)
    assert b"brutality-watch" in sent
    assert b"Zyxwvut" not in sent
    assert STORY["title"].encode() not in sent


def test_a_collector_that_is_not_there_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with running("-m", "service", "serve", port=free_port()) as (url, process):
        assert requests.get(f"{url}/places", params={"q": "Akron"}, timeout=60).status_code == 200
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)


def test_missing_packages_and_bad_addresses_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start_tracing(None) is None
    for address in ("collector:4317", "file:///tmp", "http://", "http://["):
        with pytest.raises(SettingsError, match="not an http or https address"):
            start_tracing(address)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match="pip install opentelemetry-sdk"):
        start_tracing("http://127.0.0.1:4318")
