"""What Prometheus sees of one service: counts, times by stage, and drift against training."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

# Answers over which drift is watched.
RECENT = 1000
_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_tracer = trace.get_tracer("service")


class Metrics:
    """The Prometheus metrics of one service, and the trace spans of its stages.

    Stages are `fetch`, `extract`, `tokenise`, `queue` (until the first window is
    run), `model` (until the last one is) and `places`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "requests_total", "Requests answered", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "request_seconds", "Seconds until the answer", ["path"], registry=self.registry
        )
        self.stage_seconds = Histogram(
            "stage_seconds",
            "Seconds a story spent in a stage",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.stories = Counter(
            "stories_total", "Stories answered, by label", ["label"], registry=self.registry
        )
        self.report = Histogram(
            "report_probability",
            "Calibrated probability that a story is a report",
            buckets=[i / 10 for i in range(1, 11)],
            registry=self.registry,
        )
        self.confidence = Histogram(
            "confidence",
            "Calibrated probability of the label answered",
            buckets=[0.5 + i / 20 for i in range(1, 11)],
            registry=self.registry,
        )
        self.errors = Counter(
            "errors_total", "Stories without an answer", ["error_type"], registry=self.registry
        )
        self.queue = Gauge("queue_windows", "Model windows waiting", registry=self.registry)
        self.batch = Histogram(
            "batch_windows",
            "Windows the model was given at once",
            buckets=[1, 2, 4, 8, 16, 24],
            registry=self.registry,
        )
        self.drift = Drift(self.registry)

    def answered(self, label: str, positive: bool, confidence: float, report: float) -> None:
        """A story got an answer."""
        self.stories.labels(label).inc()
        self.report.observe(report)
        self.confidence.observe(confidence)
        self.drift.answered(positive, confidence)

    @contextmanager
    def stage(self, stage: str) -> Iterator[None]:
        """Times what is inside; its span tells nothing of an exception but that it came."""
        started = time.perf_counter()
        with _tracer.start_as_current_span(
            stage, record_exception=False, set_status_on_exception=False
        ):
            try:
                yield
            finally:
                self.stage_seconds.labels(stage).observe(time.perf_counter() - started)

    def staged(self, stage: str, started: float, ended: float) -> None:
        """A stage that is over, from and to in seconds of `time.perf_counter`."""
        self.stage_seconds.labels(stage).observe(ended - started)
        zero = time.time_ns() - round(time.perf_counter() * 1e9)
        span = _tracer.start_span(stage, start_time=zero + round(started * 1e9))
        span.end(zero + round(ended * 1e9))

    def render(self) -> bytes:
        """The exposition text."""
        self.drift.update()
        return generate_latest(self.registry)


class Drift:
    """The last answers beside what the model answered on held-out stories after training.

    Where nothing is known yet, a gauge is NaN.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._recent: deque[tuple[bool, float]] = deque(maxlen=RECENT)
        self.answers = Gauge(
            "recent_answers", f"Answers in the recent_ gauges, at most {RECENT}", registry=registry
        )
        self.share = _unknown("recent_positive_share", "Share of reports, recently", registry)
        self.confidence = _unknown("recent_mean_confidence", "Confidence, recently", registry)
        self.trained_share = _unknown(
            "training_positive_share", "Share of reports answered on held-out stories", registry
        )
        self.trained_confidence = _unknown(
            "training_mean_confidence", "Mean confidence on held-out stories", registry
        )

    def answered(self, positive: bool, confidence: float) -> None:
        """One more answer."""
        self._recent.append((positive, confidence))

    def update(self) -> None:
        """Brings the gauges up to date."""
        self.answers.set(len(self._recent))
        if self._recent:
            self.share.set(sum(p for p, _ in self._recent) / len(self._recent))
            self.confidence.set(sum(c for _, c in self._recent) / len(self._recent))

    def trained(self, measured: Mapping[str, Any]) -> None:
        """Takes the training figures from the artefact's metrics.json, as far as it has them."""
        figures = measured.get("held_out", {}).get("all", {})
        if figures.get("rows") and figures.get("precision"):
            found = figures["positives"] * figures["recall"]
            self.trained_share.set(found / figures["precision"] / figures["rows"])
        if "mean_confidence" in figures:
            self.trained_confidence.set(figures["mean_confidence"])


def _unknown(name: str, documentation: str, registry: CollectorRegistry) -> Gauge:
    gauge = Gauge(name, documentation, registry=registry)
    gauge.set(float("nan"))
    return gauge
