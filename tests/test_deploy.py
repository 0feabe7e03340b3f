"""What a deployment is made from: locked packages, the image, and what Heroku is told."""

import json
import re
from pathlib import Path

import pytest

from bench.heroku import APP_JSON, app_json
from service.settings import Settings
from tests.conftest import ROOT

LOCKS = ("requirements", "requirements-gazetteer", "requirements-sbom")
DOCKERFILE = (ROOT / "Dockerfile.heroku").read_text()


def plain(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, str]:
    """Package -> version, of the lines `name==version`."""
    found = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", path.read_text(), re.M)
    return {plain(name): version for name, version in found}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_its_pins_with_hashes(name: str) -> None:
    """If this fails: make lock."""
    lock = ROOT / f"{name}.txt"
    assert pins(ROOT / f"{name}.in").items() <= pins(lock).items()
    text = lock.read_text()
    assert "--only-binary :all:" in text
    packages = re.split(
        r"^(?=[a-zA-Z])", re.sub(r"^\s*(#|--only).*$", "", text, flags=re.M), flags=re.M
    )
    assert all("--hash=sha256:" in package for package in packages if "==" in package)


def test_what_serving_leaves_out_is_not_locked() -> None:
    rows = (ROOT / "requirements-left-out.txt").read_text().splitlines()
    left_out = {plain(row.split("#")[0].strip()) for row in rows if not row.startswith("#")}
    assert left_out
    assert not left_out & pins(ROOT / "requirements.txt").keys()
    assert not {"torch", "transformers", "pip-audit"} & pins(ROOT / "requirements.txt").keys()


@pytest.mark.parametrize(
    "path", [ROOT / "requirements-dev.txt", ROOT / "training/requirements.txt"]
)
def test_development_asks_for_no_hashes(path: Path) -> None:
    """One hash in what a command installs makes pip demand them for all."""
    included = re.findall(r"^-r (.+)$", path.read_text(), re.M)
    assert not any("--hash" in (path.parent / name).read_text() for name in included)


def test_every_install_in_the_image_demands_hashes() -> None:
    commands = DOCKERFILE.replace("\\\n", " ").splitlines()
    installs = [line for line in commands if " install " in line and not line.startswith("#")]
    assert len(installs) == len(LOCKS)
    assert all("--require-hashes" in line for line in installs)


def test_the_image_may_read_what_it_copies() -> None:
    allowed = {
        row[1:] for row in (ROOT / ".dockerignore").read_text().splitlines() if row[0] == "!"
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    assert set(" ".join(copied).split()) <= allowed


def test_app_json_is_that_of_the_settings() -> None:
    """If this fails: make docs."""
    assert APP_JSON.read_text() == app_json()
    variables = json.loads(APP_JSON.read_text())["env"]
    assert set(variables) == {name.upper() for name in Settings.model_fields}
    assert all(variable["description"] for variable in variables.values())


def test_an_app_on_heroku_starts_closed_and_with_settings_that_hold() -> None:
    variables = json.loads(APP_JSON.read_text())["env"]
    assert variables["API_TOKENS"]["generator"] == "secret"
    values = {name: v["value"] for name, v in variables.items() if "value" in v}
    assert Settings.from_environment(values | {"API_TOKENS": "x"}).api_tokens == ("x",)


def test_heroku_builds_the_image_that_is_tested() -> None:
    assert "web: Dockerfile.heroku" in (ROOT / "heroku.yml").read_text()
    assert '"Dockerfile.heroku"' in (ROOT / "bench" / "containers.py").read_text()
