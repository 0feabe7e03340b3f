"""The speed bench: its stories, its clients, and what it makes of the figures."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.limit import Encoder, Limits
from bench.load import Load, drive
from bench.memory import Growth, mixed
from bench.serve import CHECKPOINT, RESULTS_JSON, RESULTS_MD
from bench.serve_results import OURS, PEER, Machine, Results, Row, markdown, read, targets
from bench.stories import Text, of_length, own_stories, read_stories
from tests.test_smoke import answering

ROWS = tuple(
    Row(name, clients, 100, per_second, 1000 / per_second, 2000 / per_second, rss)
    for name, per_second, rss in ((OURS, 60.0, 300.0), (PEER, 12.0, 700.0))
    for clients in (1, 8)
)
RESULTS = Results(
    Machine("2026-01-02", "abc1234", "A CPU", 2), 64, 450.5, "0123", 30.0, ROWS,
    Limits(raw_per_second=70.0, story_gflop=15.0, fp32_gflops=200.0, int8_gflops=1500.0),
)  # fmt: skip


def test_stories_are_joined_to_a_length() -> None:
    made = of_length(own_stories(), 450, 20)
    sizes = [len(story.text.split()) for story in made]
    assert len(made) == 20
    assert min(sizes) >= 450
    assert sum(sizes) / 20 < 500
    assert all(story.title for story in made)
    assert len({story.text for story in made}) == 20


def test_too_few_stories_are_refused() -> None:
    with pytest.raises(ValueError, match="1 stories do not make 2 of 5 words"):
        of_length([Text("t", "one two three four five")], 5, 2)


def test_stories_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "stories.jsonl"
    path.write_text('{"text": "a", "title": "b"}\n\n{"text": "c", "headline": "d"}\n')
    assert read_stories(path) == [Text("b", "a"), Text("d", "c")]


def test_clients_drive_until_there_are_enough_answers() -> None:
    with answering({"ok": 1}) as url:
        load = drive(url, "/predict", [{"a": 1}], clients=3, seconds=0, least=7)
    assert load.clients == 3
    assert 7 <= len(load.latencies_ms) <= 10


def test_a_failure_under_load_is_no_figure() -> None:
    with (
        answering({"error": "no"}, status=503) as url,
        pytest.raises(RuntimeError, match="with 2 clients: 503"),
    ):
        drive(url, "/predict", [{}], clients=2, seconds=0)


def test_rates_and_percentiles() -> None:
    load = Load(1, 2.0, tuple(map(float, range(101))))
    assert load.per_second == 50.5
    assert (load.percentile_ms(50), load.percentile_ms(99)) == (50, 99)
    both = load + Load(1, 8.0, (0.0,) * 49)
    assert (both.per_second, both.percentile_ms(50)) == (15.0, 25.5)


def test_targets_are_ratios_to_the_peer_and_to_the_model_alone() -> None:
    found = {target.name: (round(target.found, 3), target.line()) for target in targets(RESULTS)}
    assert found["requests/s at 8 clients / peer"][0] == 5.0
    assert found["p99 at 8 clients / peer"][0] == 0.2
    assert found["most requests/s / model without HTTP"][0] == 0.857
    assert found["RSS / peer"] == (0.429, "| RSS / peer | 0.43 | <= 0.45 | 0.35 | yes |")
    slow = replace(RESULTS, rows=tuple(replace(r, per_second=12.0) for r in ROWS))
    assert targets(slow)[0].line().endswith("| no |")


def test_results_are_told_and_read_back(tmp_path: Path) -> None:
    text = markdown(RESULTS)
    assert "| this service | 8 | 100 | 60.0 | 17 | 33 | 300 |" in text
    assert "which would be 100 stories/s: the model is at 70% of that limit" in text


@pytest.mark.skipif(not RESULTS_JSON.exists(), reason="bench.serve --write has not been run")
def test_results_have_not_drifted() -> None:
    """If this fails: python -m bench.serve --write."""
    assert markdown(read(RESULTS_JSON)) == RESULTS_MD.read_text()


def test_work_of_a_window() -> None:
    encoder = Encoder.of(CHECKPOINT)
    weights = encoder.layers * (4 * encoder.width**2 + 2 * encoder.width * encoder.hidden)
    assert encoder.gflop(100) == pytest.approx(2 * 100 * weights / 1e9, rel=0.1)
    assert encoder.gflop(200) > 2 * encoder.gflop(100)


def test_growth_looks_at_the_second_half_only() -> None:
    requests = list(range(0, 2001, 100))
    steady = Growth.of(requests, [300.0 + n / 100 for n in requests])
    assert steady.slope == pytest.approx(10)
    assert steady.error == pytest.approx(0, abs=1e-6)
    assert steady.is_trend
    settled = Growth.of(requests, [min(300.0, 200.0 + n / 5) for n in requests])
    assert settled.slope == pytest.approx(0)
    assert not settled.is_trend


def test_growth_within_its_error_is_no_trend() -> None:
    growth = Growth.of([1, 2, 3, 4, 1000, 2000, 3000, 4000], [0, 0, 0, 0, 300, 303, 299, 304])
    # By hand: slope 0.8, residuals -0.3, 1.9, -2.9, 1.3; sqrt(13.8 / 2 / 5).
    assert growth.slope == pytest.approx(0.8)
    assert growth.error == pytest.approx(1.1747, abs=1e-4)
    assert not growth.is_trend


def test_mixed_requests_are_mixed() -> None:
    source = mixed()
    seen = [next(source) for _ in range(200)]
    assert {"/predict", "/predict/batch", "/info"} <= {request.path for request in seen}
    assert {422, 404, 200} == {status for request in seen for status in request.statuses}
