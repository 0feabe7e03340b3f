"""OpenTelemetry traces, sent by OTLP over HTTP where an endpoint is set.

FastAPI makes the span of a request and continues its caller's trace; service.metrics
makes one span per stage in it. The SDK is imported only here and only when needed.
"""

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from service import __version__
from service.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

# Seconds for one export, and for the last ones when the service stops.
_EXPORT_S = 2.0
_STOP_S = 1.5


class Tracing:
    """The exporting of spans, until `stop`."""

    def __init__(self, provider: "TracerProvider") -> None:
        self.provider = provider

    def stop(self) -> None:
        """Sends what is left, unless the collector keeps it waiting."""
        last = threading.Thread(target=self.provider.shutdown, daemon=True)
        last.start()
        last.join(_STOP_S)


def start_tracing(
    endpoint: str | None, environment: Mapping[str, str] = os.environ
) -> Tracing | None:
    """Spans of this process go to the collector at `endpoint`, from now on; None: nowhere.

    The SDK heeds its own variables besides (`OTEL_TRACES_SAMPLER`,
    `OTEL_EXPORTER_OTLP_HEADERS` and so on). Raises SettingsError.
    """
    if endpoint is None:
        return None
    if not _is_http(endpoint):
        raise SettingsError("OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https address")
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import Span, TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the packages that traces need are not "
            "installed: pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
        ) from error

    class Exports(BatchSpanProcessor):
        """Hides query strings, in which a caller may have put anything."""

        def on_start(self, span: Span, parent_context: object = None) -> None:
            if "url.query" in (span.attributes or {}):
                span.set_attribute("url.query", "REDACTED")

    name = environment.get("OTEL_SERVICE_NAME") or "brutality-watch"
    resource = Resource.create({"service.name": name, "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_S)
    provider.add_span_processor(Exports(exporter))
    trace.set_tracer_provider(provider)
    return Tracing(provider)


def _is_http(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
