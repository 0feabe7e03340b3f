"""A back end on loopback that checks signatures and answers as a test tells it to."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class BackEnd:
    """What has been taken, in order; `answers` are the statuses to come, then 201 for ever."""

    def __init__(self, port: int, secret: str) -> None:
        self.url = f"http://127.0.0.1:{port}/incidents"
        self.secret = secret
        self.answers: list[int] = []
        self.taken: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.asked = 0
        self.took = threading.Semaphore(0)

    def receive(self, headers: Any, body: bytes) -> int:
        self.asked += 1
        self.keys.append(headers["Idempotency-Key"])
        signed = f"{headers['X-Timestamp']}.".encode() + body
        expected = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        if headers["X-Signature"] != f"sha256={expected}":
            return 401
        if headers["Authorization"] != "Bearer token":
            return 401
        status = self.answers.pop(0) if self.answers else 201
        if status == 201:
            self.taken.append(json.loads(body))
            self.took.release()
        return status


@contextmanager
def back_end(secret: str = "secret") -> Iterator[BackEnd]:
    """Start one, and stop it at the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(served.receive(self.headers, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = BackEnd(server.server_port, secret)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
