"""Malformed requests over TCP to every route: each gets an error of the closed set, none a 500."""

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from service.app import PATHS, create_app
from service.errors import STATUS, ErrorType
from service.fetch import Fetcher
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.settings import Settings

CALM = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
TYPES = ["application/json", "text/plain", "application/x-www-form-urlencoded", "", "a/b; c=\xe9"]
# JSON that breaks off, is nested too deep or no UTF-8, numbers that are none, and any bytes.
BROKEN = (
    *(b"", b"{", b"null", b"\x00", b"[" * 100_000, b'{"text": "a"', b'{"text": "\xff"}'),
    *(b'{"text": NaN}', b'{"text": 1e999}', b'{"text": "\\ud800"}', b'{"text": "a", "text": 1}'),
    *(b'{"stories": {}}', b'{"stories": [[]]}', b'{"url": "http://[", "text": 0}'),
)
BODIES = st.one_of(st.sampled_from(BROKEN), st.binary(max_size=200))
ROUTES = st.one_of(
    st.sampled_from([*sorted(PATHS), "/places?q=", "/places?q=%ff", "/predict/", "//", "/%00"]),
    st.text("abc%/.?&=0", max_size=20).map(lambda text: f"/{text}"),
)


@pytest.fixture(scope="module")
def url(model: Model, locator: Locator) -> Iterator[str]:
    """A service on loopback to which every host name is unknown, so that nothing is dialled."""

    async def nowhere(host: str) -> list[str]:
        return []

    given_settings = Settings()
    predictor = Predictor(model, locator, given_settings, Fetcher(nowhere))
    app = create_app(given_settings, predictor)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    started = threading.Event()
    startup = server.startup

    async def start(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = start  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run)
    thread.start()
    assert started.wait(60)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def check(response: Any) -> int:
    """The status. An answer below 400 is right; above, it says what is wrong, and it is not 500."""
    status: int = response.status_code
    assert status != 500, response.text
    if status >= 400:
        answer = response.json()
        assert STATUS[ErrorType(answer["error_type"])] == status
        assert answer["error"].endswith(".")
    return status


def send(url: str, each: int) -> Counter[int]:
    """So many malformed requests to every operation that takes input, and as many raw ones."""
    seen: Counter[int] = Counter()
    limits = settings(max_examples=each, deadline=None, suppress_health_check=CALM, database=None)
    schema: Any = schemathesis.openapi.from_url(f"{url}/openapi.json")
    with requests.Session() as session:
        for found in schema.get_all_operations():
            operation = found.ok()
            if not len(operation.body) + len(operation.query):
                continue

            @limits
            @given(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
            def malformed(case: schemathesis.Case[Any]) -> None:
                seen[check(case.call(session=session))] += 1

            malformed()

        @limits
        @given(st.sampled_from(METHODS), ROUTES, st.sampled_from(TYPES), BODIES)
        def raw(method: str, route: str, kind: str, body: bytes) -> None:
            headers = {"Content-Type": kind.encode("latin-1")}
            seen[check(session.request(method, url + route, data=body, headers=headers))] += 1

        raw()
    return seen


def test_malformed_requests_get_typed_errors(url: str) -> None:
    seen = send(url, 30)
    assert seen.total() >= 100, seen
    assert requests.get(f"{url}/health", timeout=60).status_code == 200


@pytest.mark.slow
def test_two_thousand_malformed_requests_get_typed_errors(url: str) -> None:
    seen = send(url, 550)
    print(dict(seen))
    assert seen.total() >= 2000, seen
    assert requests.get(f"{url}/health", timeout=60).status_code == 200
