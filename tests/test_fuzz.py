"""Whatever is sent, the service answers as its schema says, and no input crashes a part of it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bench.fuzz import Findings, fuzz, try_url
from bench.fuzz_inputs import URLS
from bench.pages import DATA
from service.app import create_app
from service.errors import ServiceError
from service.fetch import Fetcher
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.settings import Settings

# An upstream's failure is no failure of the service, so 502 to 504 are answers; 500 is a crash.
CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
CALM = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
# More of everything for a long run by hand: FUZZ_TIMES=60 is about an hour.
TIMES = int(os.environ.get("FUZZ_TIMES", "1"))


@pytest.fixture(scope="module")
def api(model: Model, locator: Locator) -> Iterator[Any]:
    """The service's own schema; every name it is sent to is unknown, so that nothing is dialled."""

    async def nowhere(host: str) -> list[str]:
        return []

    app_settings = Settings()
    predictor = Predictor(model, locator, app_settings, Fetcher(nowhere))
    yield schemathesis.openapi.from_asgi("/openapi.json", create_app(app_settings, predictor))
    shutdown_lifespans()


def exercise(api: Any, examples: int) -> None:
    """Sends every operation that many valid requests, and as many broken ones."""
    for found in api.get_all_operations():
        operation = found.ok()
        takes_input = len(operation.body) + len(operation.query) > 0
        for mode in list(GenerationMode) if takes_input else [GenerationMode.POSITIVE]:

            @settings(max_examples=examples, deadline=None, suppress_health_check=CALM)
            @given(operation.as_strategy(generation_mode=mode))
            def answers(case: schemathesis.Case[Any]) -> None:
                response = case.call()
                assert response.status_code != 500
                case.validate_response(response, checks=CHECKS)

            answers()


def test_requests_are_answered_as_the_schema_says(api: Any) -> None:
    exercise(api, 8)


@pytest.mark.slow
def test_many_requests_are_answered_as_the_schema_says(api: Any) -> None:
    exercise(api, 150 * TIMES)


@settings(max_examples=300, deadline=None)
@given(URLS)
def test_any_url_passes_or_is_refused(url: str) -> None:
    with suppress(ServiceError):
        assert try_url(url) == "passed"


def test_a_round_of_hostile_inputs_does_no_harm(tmp_path: Path) -> None:
    """`python -m bench.fuzz` goes on for as long as asked."""
    findings = fuzz(0, 1, tmp_path / "no pages", tmp_path / "failures")
    assert findings.failures == 0, findings.report()
    assert not (tmp_path / "failures").exists()
    assert {name.split()[0] for name in findings.outcomes} == {"url", "answer", "page"}


@pytest.mark.slow
def test_a_minute_of_hostile_inputs_does_no_harm(tmp_path: Path) -> None:
    findings = fuzz(1.0 * TIMES, 7, DATA / "pages", tmp_path)
    assert findings.failures == 0, findings.report()
    assert {"url    passed", "answer page", "page   story"} <= findings.outcomes.keys()


def test_what_misbehaves_is_counted_and_saved(tmp_path: Path) -> None:
    findings = Findings(tmp_path)

    def fail() -> str:
        raise ZeroDivisionError("on purpose")

    findings.run("page", b"<p>", fail)
    findings.run("page", b"<p>", lambda: "story")
    assert findings.failures == 1
    assert dict(findings.outcomes) == {"page   FAILED": 1, "page   story": 1}
    saved = {path.suffix: path.read_bytes() for path in tmp_path.iterdir()}
    assert saved[""] == b"<p>"
    assert b"on purpose" in saved[".why"]
