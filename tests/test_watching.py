"""What the service tells those who watch it: how it runs, its metrics, its drift."""

import json
import math

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.metrics import RECENT, Drift
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.settings import Settings
from tests.conftest import DATA
from tests.loopback_site import always, ok
from tests.running_app import running_app
from tests.test_deadlines import PAGE

STORIES = [json.loads(line) for line in (DATA / "stories.jsonl").read_text().splitlines()][:6]


def values(exposition: str) -> dict[tuple[str, str], float]:
    """Samples by name and the one label that tells them apart."""
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def test_info_says_how_the_model_runs(client: TestClient) -> None:
    model = client.get("/info").json()["model"]
    assert model["precision"] in {"bf16", "f32"}
    assert model["threads"] == 2
    assert (model["precision"] == "bf16") == bool(
        {"amx_bf16", "avx512_bf16"} & set(model["cpu_flags"])
    )
    # The shipped model is quantised: its matrices must not be multiplied as floats.
    assert sum(model["matrix_kernels"].values()) >= 36
    assert set(model["matrix_kernels"]) <= {"i8", "u8", "bf16", "f32"}


def test_metrics_count_stories_stages_and_errors(model: Model, locator: Locator) -> None:
    settings = Settings()
    with TestClient(create_app(settings, Predictor(model, locator, settings))) as client:
        answers = [
            client.post("/predict", json={"text": s["text"], "title": s["title"]}).json()
            for s in STORIES
        ]
        client.post("/predict", json={"text": " "})
        client.post("/predict/batch", json={"stories": [{"text": " "}]})
        client.get("/scanner")
        found = values(client.get("/metrics").text)
    for stage in ("tokenise", "queue", "model", "places"):
        # The warm-up is a story, too.
        assert found["stage_seconds_count", stage] == len(STORIES) + 1
    assert found["queue_windows", ""] == 0
    assert found["batch_windows_count", ""] >= len(STORIES)
    assert found["confidence_count", ""] == len(STORIES)
    assert found["errors_total", "too_short"] == 2
    assert found["requests_total", "other,404"] == 1
    positives = sum(answer["label"] == "brutality" for answer in answers)
    assert found["stories_total", "brutality"] == positives > 0
    assert found["recent_answers", ""] == len(STORIES)
    assert found["recent_positive_share", ""] == pytest.approx(positives / len(STORIES))
    mean = sum(answer["confidence"] for answer in answers) / len(STORIES)
    assert found["recent_mean_confidence", ""] == pytest.approx(mean, abs=1e-3)
    assert 0 < found["training_positive_share", ""] < 1


@pytest.mark.anyio
async def test_pages_are_timed_too(model: Model, locator: Locator) -> None:
    async with running_app(model, locator, always(ok(PAGE.body))) as app:
        assert (await app.predict("paper.example.org", "/2024/03/14/taser")).status_code == 200
        found = values((await app.client.get("/metrics")).text)
    assert found["stage_seconds_count", "fetch"] == found["stage_seconds_count", "extract"] == 1


def test_drift_is_of_the_last_answers_and_unknown_before_the_first() -> None:
    registry = CollectorRegistry()
    drift = Drift(registry)

    def gauge(name: str) -> float:
        drift.update()
        value = registry.get_sample_value(name)
        assert value is not None
        return value

    assert math.isnan(gauge("recent_positive_share"))
    assert math.isnan(gauge("training_positive_share"))
    for _ in range(RECENT):
        drift.answered(False, 0.5)
    for _ in range(RECENT // 4):
        drift.answered(True, 0.9)
    assert gauge("recent_answers") == RECENT
    assert gauge("recent_positive_share") == pytest.approx(0.25)
    assert gauge("recent_mean_confidence") == pytest.approx(0.6)
    figures = {"rows": 100, "positives": 40, "precision": 0.8, "recall": 0.5}
    drift.trained({"held_out": {"all": {**figures, "mean_confidence": 0.85}}})
    assert gauge("training_positive_share") == pytest.approx(0.25)
    assert gauge("training_mean_confidence") == pytest.approx(0.85)
