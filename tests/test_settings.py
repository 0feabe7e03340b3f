"""Settings come from the environment; a bad one stops the start and is named."""

import pytest

from service.errors import SettingsError
from service.settings import Settings


def test_defaults() -> None:
    settings = Settings.from_environment({})
    assert settings.port == 8000
    assert settings.api_tokens == ()
    assert settings.model_threads >= 1


def test_values_are_read_once_and_cast() -> None:
    settings = Settings.from_environment({"PORT": "9001", "API_TOKENS": "one, two,", "X": "y"})
    assert settings.port == 9001
    assert settings.api_tokens == ("one", "two")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("REQUEST_DEADLINE_S", "-1"),
        ("MODEL_THREADS", "0"),
        ("TRUSTED_PROXIES", "-1"),
        ("METRICS_ACCESS", "shut"),
        ("DOCS_ACCESS", "token"),
    ],
)
def test_a_bad_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}='{value}'"):
        Settings.from_environment({name: value})
