"""Whatever is sent, the service answers as its schema says, and no input crashes a part of it."""

import json
import os
import string
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.app import create_app
from service.errors import ServiceError
from service.extract import extract
from service.fetch import Fetcher
from service.guard import check_url
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.settings import Settings
from tests.test_extract import FRAGMENTS, URL

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


LABELS = st.text(alphabet=string.ascii_letters + "0123456789-._~%é中​", max_size=70)
ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map("[{}]".format),
    st.integers(min_value=0, max_value=1 << 34).map(str),
    st.integers(min_value=0, max_value=1 << 32).map(hex),
    st.lists(LABELS, max_size=5).map(".".join),
)
URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "http:/", "HTTP://", "ftp://", "//", "http:\\\\", ""]),
    st.sampled_from(["", "", "", "user@", "a:b@", "@"]),
    ADDRESSES,
    st.sampled_from(["", "", ":80", ":443", ":22", ":", ":0", ":99999", ":８０"]),
    st.text(max_size=20).map("/{}".format) | st.just(""),
)


def passes_or_refuses(url: str) -> None:
    try:
        checked = check_url(url)
    except ServiceError as refusal:
        assert refusal.status == 422
    else:
        assert check_url(checked.url) == checked
        assert checked.scheme in ("http", "https")
        assert checked.port in (80, 443)
        assert checked.url.isascii()


@settings(max_examples=300, deadline=None)
@given(URLS)
def test_any_url_passes_or_is_refused(url: str) -> None:
    passes_or_refuses(url)


@pytest.mark.slow
@settings(max_examples=20_000 * TIMES, deadline=None, suppress_health_check=CALM)
@given(URLS)
def test_very_many_urls_pass_or_are_refused(url: str) -> None:
    passes_or_refuses(url)


DATES = st.one_of(
    st.dates().map(str),
    st.datetimes().map("{:%B %d, %Y %H:%M}".format),
    st.text(alphabet="0123456789-/.:TZ+ ", max_size=25),
)
BYLINES = st.builds("<h1>{}</h1><div>{} {}</div>".format, st.text(max_size=20), LABELS, DATES)
HEADS = st.builds(
    '<meta property="{}" content="{}">'.format,
    st.sampled_from(["article:published_time", "article:modified_time", "date", "og:type"]),
    DATES | st.sampled_from(["article", "website"]),
)
SCHEMAS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | DATES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "@type @graph headline datePublished dateModified author name articleBody "
                "liveBlogUpdate publisher isAccessibleForFree url".split()
            ),
            inner | st.sampled_from(["NewsArticle", "LiveBlogPosting", "ItemList"]),
            max_size=6,
        )
    ),
    max_leaves=12,
)


@st.composite
def pages(draw: st.DrawFn) -> bytes:
    """Pages made of fragments that the reader has rules for."""
    parts = draw(st.lists(FRAGMENTS | BYLINES | HEADS, max_size=60))
    script = f'<script type="application/ld+json">{json.dumps(draw(SCHEMAS))}</script>'
    parts.insert(draw(st.integers(0, len(parts))), script)
    return "".join(parts).encode(draw(st.sampled_from(["utf-8", "utf-16", "cp1252"])), "replace")


@pytest.mark.slow
@settings(max_examples=2_000 * TIMES, deadline=None, suppress_health_check=CALM)
@given(pages(), st.sampled_from([URL, None, "", "http://[", "https://www.harlowledger.example/"]))
def test_very_many_pages_give_a_story_or_an_error(html: bytes, url: str | None) -> None:
    try:
        story = extract(html, url)
    except ServiceError as error:
        assert error.status < 500 or error.error_type == "bot_blocked"
    else:
        assert story.text
        assert story.date is None or len(story.date) == len("2024-03-14")
