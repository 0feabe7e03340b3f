"""Writes app.json, what Heroku must know of the service, from the settings.

python -m bench.heroku
"""

import json

from service.settings import ROOT, Settings

APP_JSON = ROOT / "app.json"
# What an app on Heroku starts with where that is not the default.
ON_HEROKU: dict[str, dict[str, str]] = {
    "api_tokens": {"generator": "secret"},
    "trusted_proxies": {"value": "1"},
}


def app_json() -> str:
    """The file's text, with every setting as a config var."""
    variables = {
        name.upper(): {
            "description": field.description,
            "required": False,
            **ON_HEROKU.get(name, {}),
        }
        for name, field in Settings.model_fields.items()
    }
    app = {
        "name": "Brutality Watch",
        "description": "Does a news story report police force, how sure, and where?",
        "keywords": ["news", "classification", "police", "fastapi"],
        "stack": "container",
        "formation": {"web": {"quantity": 1, "size": "basic"}},
        "env": variables,
    }
    return json.dumps(app, indent=2) + "\n"


def main() -> None:
    """Write it."""
    APP_JSON.write_text(app_json())


if __name__ == "__main__":
    main()
