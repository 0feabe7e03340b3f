"""The small pure parts: addresses, name marks, retries, settings, the file of sources."""

from pathlib import Path
from random import Random

import pytest

from collector.addresses import addressed, canonical_url
from collector.config import ConfigError, read_config
from collector.names import name_marks
from collector.retries import delay_s, may_pass
from collector.settings import CollectorSettings
from service.errors import ErrorType, ServiceError, SettingsError
from service.story import Story


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("HTTP://News.Example.com:80", "http://news.example.com/"),
        ("https://a.org/x?id=3&utm_medium=rss&fbclid=Q#top", "https://a.org/x?id=3"),
        ("https://a.org:8443/x/?q=a%20b&q=c", "https://a.org:8443/x/?q=a%20b&q=c"),
        ("https://user:secret@a.org/x", "https://a.org/x"),
        ("http://[2001:db8::1]/x", "http://[2001:db8::1]/x"),
        ("ftp://a.org/x", None),
        ("http://[", None),
        ("https://a.org:port/", None),
        ("https://a.org/" + "x" * 3000, None),
        ("", None),
        (None, None),
    ],
)
def test_one_spelling_per_page(given: str | None, canonical: str | None) -> None:
    assert canonical_url(given) == canonical


def test_a_page_is_known_by_what_it_says_is_its_address() -> None:
    story = Story(text="x", url="https://a.org/amp/1", canonical_url="https://a.org/1#x")
    assert addressed(story).canonical_url == "https://a.org/1"


def test_names_are_words_that_always_have_a_capital() -> None:
    one = set(name_marks("On Monday Whitlow's lawyer met Officer Ashgrove. Bars closed; bars do."))
    assert one == set(name_marks("Ashgrove. Whitlow"))
    assert not set(name_marks("The Police Department on Friday")) & one
    assert all(0 <= mark < 1 << 16 for mark in one)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ServiceError(ErrorType.FETCH_TIMEOUT, ""), True),
        (ServiceError(ErrorType.UPSTREAM_STATUS, "", {"upstream_status": 502}), True),
        (ServiceError(ErrorType.UPSTREAM_STATUS, "", {"upstream_status": 404}), False),
        (ServiceError(ErrorType.PAYWALLED, ""), False),
        (ServiceError(ErrorType.BLOCKED_ADDRESS, ""), False),
    ],
)
def test_what_may_pass_is_tried_again(error: ServiceError, passes: bool) -> None:
    assert may_pass(error) is passes


def test_waits_grow_threefold_with_jitter_up_to_hours() -> None:
    chance = Random(1)
    for failures, middle in ((1, 20), (2, 60), (3, 180)):
        waits = [delay_s(20, failures, chance) for _ in range(50)]
        assert middle * 0.5 <= min(waits) < middle < max(waits) <= middle * 1.5
    assert delay_s(20, 50, chance) <= 9 * 3600


def test_herokus_form_of_a_database_url_is_taken() -> None:
    settings = CollectorSettings.from_environment({"DATABASE_URL": "postgres://u:p@h:5/d?x=1"})
    assert settings.database_url == "postgresql+psycopg://u:p@h:5/d?x=1"
    assert settings.database_host == "h"
    assert CollectorSettings.from_environment({}).database_url.startswith("sqlite:///")


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "mysql://u:hush@h/d"), ("KEEP_TEXT", "maybe"), ("KEEP_TEXT_DAYS", "0")],
)
def test_a_bad_setting_is_named_and_no_password_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as refusal:
        CollectorSettings.from_environment({name: value})
    assert "hush" not in str(refusal.value)


def test_a_file_of_sources(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text('attempts = 2\n[[source]]\nname = "a"\nkind = "drop"\nfolder = "in"\n')
    config = read_config(path)
    (source,) = config.source
    assert (config.attempts, source.name, source.every_s) == (2, "a", 900.0)
    assert source.options == {"folder": "in"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "source"),
        ("[[source]]\nkind = 'drop'", "source.0.name"),
        ("[[source]]\nname = 'a'\nkind = 'drop'\nevery_s = 0", "every_s"),
        ("retry = 3\n[[source]]\nname = 'a'\nkind = 'drop'", "retry"),
        ("source = 'x'", "source"),
        ("[[source", "array"),
        ("[[source]]\nname='a'\nkind='drop'\n[[source]]\nname='a'\nkind='drop'", "'a'"),
    ],
)
def test_a_bad_file_of_sources_says_where(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=named):
        read_config(path)
