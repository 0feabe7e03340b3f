"""What a stranger may see and do, and what answers and logs never tell."""

import logging
from collections.abc import Iterator, Sequence

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.model import Model, WindowOutput
from service.pipeline import Predictor
from service.places import Locator
from service.settings import Access, Settings
from service.text import Window
from tests.conftest import ROOT

SECRET = "Zyxwvut"


class BreakingModel(Model):
    """The shipped model until it breaks with a message that quotes the story."""

    broken = False

    def run(self, windows: Sequence[Window]) -> list[WindowOutput]:
        if self.broken:
            raise RuntimeError(f"cannot run {SECRET}")
        return super().run(windows)


@pytest.fixture(scope="module")
def breaking() -> BreakingModel:
    return BreakingModel.load(ROOT / "model" / "serving", threads=1)


def service(model: Model, locator: Locator, settings: Settings) -> TestClient:
    return TestClient(create_app(settings, Predictor(model, locator, settings)))


@pytest.fixture
def guarded(model: Model, locator: Locator) -> Iterator[TestClient]:
    """A service with a token and nothing open that need not be."""
    settings = Settings(
        api_tokens=(SECRET,), metrics_access="token", docs_access="closed", max_body_bytes=2000
    )
    with service(model, locator, settings) as client:
        yield client


def test_every_answer_has_the_security_headers(
    client: TestClient, guarded: TestClient, breaking: BreakingModel, locator: Locator
) -> None:
    answers = [client.get(path) for path in ("/health", "/info", "/metrics", "/docs", "/nowhere")]
    answers += [
        client.post("/predict", json=body) for body in ({"text": "Police"}, {}, {"url": ""})
    ]
    answers += [guarded.post("/predict", json={"text": "Police"})]
    headers = {"Authorization": SECRET}
    answers += [guarded.post("/predict", json={"text": "x" * 3000}, headers=headers)]
    with service(breaking, locator, Settings()) as failing:
        breaking.broken = True
        answers += [failing.post("/predict", json={"text": "Police"})]
        breaking.broken = False
    found = {answer.status_code for answer in answers}
    assert found == {200, 401, 404, 413, 422, 500}
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert len(answer.headers["x-request-id"]) == 32
    docs = client.get("/docs")
    assert "https://cdn.jsdelivr.net" in docs.headers["content-security-policy"]
    assert "https://cdn.jsdelivr.net" in docs.text


def test_an_unexpected_failure_is_answered_counted_and_logged_without_the_story(
    breaking: BreakingModel, locator: Locator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with service(breaking, locator, Settings()) as failing:
        breaking.broken = True
        answer = failing.post("/predict", json={"text": f"Police met {SECRET}."})
        breaking.broken = False
        assert (answer.status_code, answer.json()["error_type"]) == (500, "internal")
        assert 'errors_total{error_type="internal"} 1.0' in failing.get("/metrics").text
    assert SECRET not in caplog.text
    assert "RuntimeError" in caplog.text
    assert "batching.py" in caplog.text
    assert answer.headers["x-request-id"] in caplog.text


def test_the_start_says_that_anyone_may_use_it(
    model: Model, locator: Locator, caplog: pytest.LogCaptureFixture
) -> None:
    with service(model, locator, Settings(api_tokens=(SECRET,))):
        assert "API_TOKENS" not in caplog.text
    with service(model, locator, Settings()):
        assert "API_TOKENS is not set" in caplog.text


def test_strangers_are_refused_before_their_body_is_read(guarded: TestClient) -> None:
    answer = guarded.post("/predict", content=b" " * 3000)  # else 413
    assert (answer.status_code, answer.json()["error_type"]) == (401, "unauthorized")
    for path in ("/places?q=Akron", "/nowhere", "/predict/", "/docs", "/openapi.json", "/metrics"):
        assert guarded.get(path, follow_redirects=False).status_code == 401
    assert guarded.get("/health").status_code == guarded.get("/info").status_code == 200


@pytest.mark.parametrize(
    ("access", "without", "with_token"),
    [("open", 200, 200), ("token", 401, 200), ("closed", 401, 404)],
)
def test_metrics_and_docs_can_be_closed(
    model: Model, locator: Locator, access: Access, without: int, with_token: int
) -> None:
    settings = Settings(api_tokens=(SECRET,), metrics_access=access, docs_access=access)
    with service(model, locator, settings) as client:
        for path in ("/metrics", "/docs", "/openapi.json"):
            assert client.get(path).status_code == without
            headers = {"Authorization": f"Bearer {SECRET}"}
            assert client.get(path, headers=headers).status_code == with_token


def test_closed_paths_of_an_open_service_are_not_there(model: Model, locator: Locator) -> None:
    settings = Settings(metrics_access="closed", docs_access="closed")
    with service(model, locator, settings) as client:
        for path in ("/metrics", "/docs", "/openapi.json"):
            assert client.get(path).json()["error_type"] == "not_found"
