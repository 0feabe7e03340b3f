"""Writes app.json, what Heroku must know of the service and the collector, from the settings.

python -m bench.heroku
"""

import json
from collections.abc import Iterator

from pydantic import BaseModel

from collector.adapters.newsapi import KEY_VARIABLE
from collector.adapters.reddit_app import ID_VARIABLE, SECRET_VARIABLE
from collector.push import PushSettings
from collector.settings import CollectorSettings
from service.settings import ROOT, Settings

APP_JSON = ROOT / "app.json"
# Needs no key; whoever deploys adds sources of their own.
_FIRST_SOURCES = """[[source]]
name = "gdelt"
kind = "gdelt"
every_s = 1800
queries = ["(police OR deputies) \\"excessive force\\" sourcecountry:US sourcelang:english"]
"""
# What an app on Heroku starts with where that is not the default.
ON_HEROKU: dict[str, dict[str, str]] = {
    "API_TOKENS": {"generator": "secret"},
    "SOURCES": {"value": _FIRST_SOURCES},
    "TRUSTED_PROXIES": {"value": "1"},
}
# Keys are no settings: the adapters that need them read them.
KEYS = {
    ID_VARIABLE: "id of the Reddit app that the collector asks as",
    SECRET_VARIABLE: "its secret",
    KEY_VARIABLE: "key of newsapi.org",
}


def variables() -> Iterator[tuple[str, str]]:
    """Every variable that something here reads, and what it is."""
    settings: tuple[type[BaseModel], ...] = (Settings, CollectorSettings, PushSettings)
    for model in settings:
        for name, field in model.model_fields.items():
            yield name.upper(), field.description or ""
    yield from KEYS.items()


def app_json() -> str:
    """The file's text, with every variable as a config var."""
    env = {
        name: {"description": description, "required": False, **ON_HEROKU.get(name, {})}
        for name, description in variables()
    }
    basic = {"quantity": 1, "size": "basic"}
    app = {
        "name": "Brutality Watch",
        "description": "Does a news story report police force, how sure, and where?",
        "keywords": ["news", "classification", "police", "fastapi"],
        "stack": "container",
        "addons": [{"plan": "heroku-postgresql:essential-0", "as": "DATABASE"}],
        "formation": {"web": basic, "worker": basic},
        "env": env,
    }
    return json.dumps(app, indent=2) + "\n"


def main() -> None:
    """Write it."""
    APP_JSON.write_text(app_json())


if __name__ == "__main__":
    main()
