"""What README and OpenAPI say is so."""

from fastapi.testclient import TestClient

from bench.docs import drift, help_block
from service.__main__ import build_parser
from service.settings import Settings
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def test_readme_has_not_drifted() -> None:
    """If this fails: make docs."""
    assert drift() == []


def test_every_setting_and_route_is_in_readme(client: TestClient) -> None:
    for name in Settings.model_fields:
        assert f"`{name.upper()}`" in README
    for path in client.get("/openapi.json").json()["paths"]:
        assert f" {path}" in README


def test_openapi_names_every_answer_field(client: TestClient) -> None:
    fields = client.get("/openapi.json").json()["components"]["schemas"]["PredictionOut"]
    answer = client.post("/predict", json={"text": "Police shot a man in Akron, Ohio."}).json()
    assert set(answer) == set(fields["properties"])


def test_help_names_every_command() -> None:
    for command in ("serve", "predict", "score", "extract"):
        assert command in help_block(build_parser())
