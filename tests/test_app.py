"""The HTTP contract in one process: answers, errors, and what back ends store."""

import json
import math
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.errors import STATUS, ErrorType
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.settings import Settings
from tests.backend_contract import check_row
from tests.conftest import DATA

STORIES = [json.loads(line) for line in (DATA / "stories.jsonl").read_text().splitlines()]
REPORT = STORIES[0]


def ask(client: TestClient, **story: Any) -> Any:
    response = client.post("/predict", json=story)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("story", STORIES, ids=[story["id"] for story in STORIES])
def test_stories(client: TestClient, story: dict[str, Any]) -> None:
    answer = ask(client, text=story["text"], title=story["title"])
    check_row(answer)
    assert answer["label"] == story["label"]
    assert answer["state"] == story["state"]
    if story["city"]:
        assert answer["city"] == story["city"]


@pytest.mark.parametrize("story", STORIES[:6], ids=lambda story: story["id"])
def test_an_answer_is_consistent(client: TestClient, story: dict[str, Any]) -> None:
    text = story["text"]
    answer = ask(client, text=text, title=story["title"], date="2021-03-04T10:00:00Z")
    scores = answer["scores"]
    assert math.isclose(sum(scores.values()), 1, abs_tol=2e-4)
    expected = scores["report"] if answer["label"] == "brutality" else 1 - scores["report"]
    assert math.isclose(answer["confidence"], expected, abs_tol=2e-4)
    assert answer["incident_date"] == "2021-03-04"
    assert len(answer["description"]) <= 500
    for item in [*answer["locations"], *answer["evidence"]]:
        assert text[item["start"] : item["end"]] == item["text"]
    assert answer == ask(client, text=text, title=story["title"], date="2021-03-04T10:00:00Z")


@pytest.mark.parametrize(
    ("body", "error_type"),
    [
        (b"{}", "invalid_request"),
        (b"not json", "invalid_request"),
        (b"[1]", "invalid_request"),
        (b'"text"', "invalid_request"),
        (b'{"text": 5}', "invalid_request"),
        (b'{"text": null}', "invalid_request"),
        (b'{"text": "a", "colour": "red"}', "invalid_request"),
        (b'{"url": "http://example.org", "title": "t"}', "invalid_request"),
        (b'{"text": "\\ud800"}', "invalid_request"),
        (b"\xff\xfe", "invalid_request"),
        (b'{"text": ""}', "too_short"),
        (b'{"text": " \\n\\t "}', "too_short"),
        (b'{"url": ""}', "invalid_url"),
        (b'{"url": "ftp://example.org/a"}', "unsupported_scheme"),
        (b'{"url": "http://127.0.0.1/"}', "blocked_address"),
        (b'{"url": "http://u:p@example.org/"}', "credentials_in_url"),
    ],
)
def test_bad_requests_get_typed_errors(client: TestClient, body: bytes, error_type: str) -> None:
    response = client.post("/predict", content=body, headers={"content-type": "application/json"})
    answer = response.json()
    assert answer["error_type"] == error_type
    assert response.status_code == STATUS[ErrorType(error_type)]
    assert answer["error"].endswith(".")
    assert "x-request-id" in response.headers


def test_both_text_and_url_judges_the_text(client: TestClient) -> None:
    url = "http://127.0.0.1:9/never-fetched"
    answer = ask(client, text=REPORT["text"], title=REPORT["title"], url=url)
    assert answer["src"] == [url]
    assert answer["label"] == REPORT["label"]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("Police", "short_text"),
        ("\x00\x01 \x07", "short_text"),
        ("La policía detuvo a un hombre en la ciudad de México el lunes por la noche, "
         "informaron las autoridades locales, que investigan el caso.", "not_english"),
    ],
)  # fmt: skip
def test_odd_texts_are_answered_with_a_warning(client: TestClient, text: str, warning: str) -> None:
    answer = ask(client, text=text)
    check_row(answer)
    assert warning in answer["warnings"]


def test_a_date_that_is_none_is_said_so(client: TestClient) -> None:
    answer = ask(client, text=REPORT["text"], date="last Tuesday")
    assert answer["incident_date"] is None
    assert "date_not_understood" in answer["warnings"]


def test_two_megabytes_are_refused(client: TestClient) -> None:
    response = client.post("/predict", json={"text": "Police said so. " * 131_072})
    assert (response.status_code, response.json()["error_type"]) == (413, "text_too_large")


def test_a_body_past_the_limit_is_not_read_to_its_end(client: TestClient) -> None:
    sent = 0

    def endless() -> Any:
        nonlocal sent
        while sent < 64 << 20:
            sent += 1 << 20
            yield b" " * (1 << 20)

    response = client.post("/predict", content=endless())
    assert (response.status_code, response.json()["error_type"]) == (413, "body_too_large")


def test_a_batch_answers_in_order_and_loses_nothing(client: TestClient) -> None:
    stories = [{"text": s["text"], "title": s["title"]} for s in STORIES[:5]]
    stories.insert(2, {"text": " "})
    stories.insert(4, {"url": "http://10.0.0.1/"})
    answers = client.post("/predict/batch", json={"stories": stories}).json()
    assert len(answers) == len(stories)
    assert answers[2]["error_type"] == "too_short"
    assert answers[4]["error_type"] == "blocked_address"
    for index, number in zip([0, 1, 3, 5, 6], range(5), strict=True):
        assert answers[index]["title"] == " ".join(STORIES[number]["title"].split())


@pytest.mark.parametrize("count", [0, 33])
def test_a_batch_has_one_to_32_stories(client: TestClient, count: int) -> None:
    response = client.post("/predict/batch", json={"stories": [{"text": "a"}] * count})
    assert response.json()["error_type"] == "invalid_request"


def test_incident_ids_are_those_of_the_story(client: TestClient) -> None:
    one = ask(client, text=REPORT["text"], url="https://example.org/a")
    again = ask(client, text=REPORT["text"] + " More.", url="https://example.org/a")
    other = ask(client, text=REPORT["text"])
    assert one["incident_id"] == again["incident_id"] != other["incident_id"]


def test_health_info_metrics_docs(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    info = client.get("/info").json()
    assert info["model"]["relations"] == ["report", "mention", "none"]
    assert info["limits"]["batch_stories"] == 32
    ask(client, text=REPORT["text"])
    assert 'stories_total{label="' in client.get("/metrics").text
    assert client.get("/docs").status_code == 200


def test_places_tells_what_a_name_may_mean(client: TestClient) -> None:
    candidates = client.get("/places", params={"q": "Springfield"}).json()
    states = [c["state"] for c in candidates]
    assert {"Illinois", "Massachusetts", "Missouri"} <= set(states)
    probabilities = [c["probability"] for c in candidates]
    assert probabilities == sorted(probabilities, reverse=True)
    assert client.get("/places", params={"q": "Xyzzyville"}).json() == []
    assert client.get("/places").json()["error_type"] == "invalid_request"


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/predict", 405)])
def test_wrong_routes_get_the_same_kind_of_error(
    client: TestClient, path: str, status: int
) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert response.json()["error_type"] in {"not_found", "method_not_allowed"}


def test_a_service_that_has_not_started_is_not_healthy(model: Model, locator: Locator) -> None:
    settings = Settings()
    app = create_app(settings, Predictor(model, locator, settings))
    response = TestClient(app).get("/health")
    assert (response.status_code, response.json()["error_type"]) == (503, "not_ready")


def test_tokens_open_the_service(model: Model, locator: Locator) -> None:
    settings = Settings(api_tokens=("old", "new"))
    with TestClient(create_app(settings, Predictor(model, locator, settings))) as closed:
        story = {"text": REPORT["text"]}
        for header in ("old", "new", "Bearer new", "bearer old"):
            headers = {"Authorization": header}
            assert closed.post("/predict", json=story, headers=headers).status_code == 200
        for header in ("", "ne", "Bearer", "Bearer newer", "Basic new"):
            response = closed.post("/predict", json=story, headers={"Authorization": header})
            assert (response.status_code, response.json()["error_type"]) == (401, "unauthorized")
        assert closed.get("/health").status_code == 200


def test_every_error_type_has_a_status() -> None:
    assert set(STATUS) == set(ErrorType)
