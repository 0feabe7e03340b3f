"""What a deployment is made from: locked packages, the image, and what Heroku is told."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from bench.heroku import APP_JSON, app_json, variables
from bench.probe import ask, free_port, seconds_to_health
from collector.adapters import open_source
from collector.config import parse_config
from collector.push import PushSettings
from collector.settings import CollectorSettings
from service.settings import Settings
from tests.collector.given import TOLEDO
from tests.conftest import ROOT

LOCKS = ("requirements", "requirements-collector", "requirements-gazetteer", "requirements-sbom")
HEROKU = (ROOT / "heroku.yml").read_text()
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
    assert sorted(re.findall(r"-r (\S+)\.txt", " ".join(installs))) == sorted(LOCKS)
    assert all("--require-hashes" in line for line in installs)


def test_what_two_locks_hold_they_hold_alike() -> None:
    serving, collecting = pins(ROOT / "requirements.txt"), pins(ROOT / "requirements-collector.txt")
    both = serving.keys() & collecting.keys()
    assert {name: serving[name] for name in both} == {name: collecting[name] for name in both}


def test_the_image_may_read_what_it_copies() -> None:
    allowed = {
        row[1:] for row in (ROOT / ".dockerignore").read_text().splitlines() if row[0] == "!"
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    assert set(" ".join(copied).split()) <= allowed


def test_app_json_is_that_of_the_settings() -> None:
    """If this fails: make docs."""
    assert APP_JSON.read_text() == app_json()
    given = json.loads(APP_JSON.read_text())["env"]
    models: list[type[BaseModel]] = [Settings, CollectorSettings, PushSettings]
    fields = {name.upper() for model in models for name in model.model_fields}
    assert fields <= set(given)
    assert all(variable["description"] for variable in given.values())


def test_no_variable_that_an_adapter_reads_is_missing() -> None:
    read = r'^\w+_VARIABLE = "(\w+)"$'
    files = (ROOT / "collector" / "adapters").glob("*.py")
    named = {name for file in files for name in re.findall(read, file.read_text(), re.M)}
    assert named and named <= dict(variables()).keys()


def test_an_app_on_heroku_starts_closed_and_with_settings_that_hold() -> None:
    app = json.loads(APP_JSON.read_text())
    assert app["env"]["API_TOKENS"]["generator"] == "secret"
    values = {name: v["value"] for name, v in app["env"].items() if "value" in v}
    settings = Settings.from_environment(values | {"API_TOKENS": "x"})
    assert (settings.api_tokens, settings.trusted_proxies) == (("x",), 1)
    sources = parse_config(CollectorSettings.from_environment(values).sources or "", "SOURCES")
    assert [open_source(source).kind for source in sources.source] == ["gdelt"]
    assert set(app["formation"]) == set(commands_of("run"))


def commands_of(section: str) -> dict[str, str]:
    """What a section of heroku.yml starts: process type (`release` has none: "") -> shell line."""
    part = re.split(r"^(?=\w)", HEROKU[HEROKU.index(f"\n{section}:") + 1 :], flags=re.M)[1]
    found = re.findall(r"(?:^  (\w+):\n(?:    .*\n)*?)?^ +command:\n +- (.+)$", part, re.M)
    return dict(found)


def run(section: str, process: str, **environment: str) -> subprocess.Popen[str]:
    """Start a process as a dyno does, without a configuration of this machine."""
    kept = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "MODEL_THREADS": "1"}
    line = commands_of(section)[process]
    return subprocess.Popen(
        ["/bin/sh", "-c", line],
        cwd=ROOT,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


def test_a_release_makes_the_tables_and_the_worker_goes_by_what_heroku_sets(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.jsonl").write_text(json.dumps({"text": TOLEDO}) + "\n")
    sources = f'[[source]]\nname = "d"\nkind = "drop"\nfolder = {json.dumps(f"{tmp_path}/in")}\n'
    status, said = ended(run("run", "worker", DATABASE_URL=url, SOURCES=sources))
    assert (status, "collector migrate" in said) == (2, True)
    assert ended(run("release", "", DATABASE_URL=url))[0] == 0
    status, said = ended(run("run", "worker", DATABASE_URL=url))
    assert (status, "SOURCES" in said) == (2, True)
    worker = run("run", "worker", DATABASE_URL=url, SOURCES=sources)
    assert worker.stdout is not None
    with worker:
        assert any('"outcome": "brutality"' in line for line in worker.stdout)
        worker.terminate()  # which reaches Python, not a shell before it
        assert worker.wait(60) == 0


@pytest.mark.parametrize("stored", [True, False])
def test_web_serves_incidents_where_there_is_a_database(stored: bool, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    environment = {"DATABASE_URL": url} if stored else {}
    status, said = ended(run("release", "", **environment))
    assert (status, bool(said)) == (0, stored)
    port = free_port()
    web = run("run", "web", HOST="127.0.0.1", PORT=str(port), **environment)
    try:
        base = f"http://127.0.0.1:{port}"
        assert seconds_to_health(base, 120, lambda: web.poll() is None) is not None
        assert ask(f"{base}/incidents").status == (200 if stored else 404)
        assert ask(f"{base}/predict", {"text": TOLEDO}).body["label"] == "brutality"
    finally:
        web.terminate()
        assert ended(web)[0] in (0, -15)


def test_heroku_builds_the_image_that_is_tested() -> None:
    assert "web: Dockerfile.heroku" in HEROKU
    assert '"Dockerfile.heroku"' in (ROOT / "bench" / "containers.py").read_text()
