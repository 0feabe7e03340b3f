"""The direction of imports: training, collector and bench know the service, never the reverse."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

FORBIDDEN = {
    "torch", "transformers", "datasets", "accelerate", "pandas", "sklearn", "scipy", "nncf", "onnx",
    "training", "collector", "bench", "tests",
}  # fmt: skip

# What the collector alone needs.
STORE = {"sqlalchemy", "alembic", "psycopg", "feedparser", "protego"}


def _imported(path: Path) -> set[str]:
    """The packages that a file imports, at its head or inside."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "service").rglob("*.py")), ids=lambda p: p.stem)
def test_the_service_imports_nothing_of_training(path: Path) -> None:
    assert not _imported(path) & (FORBIDDEN | STORE)


@pytest.mark.parametrize("path", sorted((ROOT / "collector").rglob("*.py")), ids=lambda p: p.stem)
def test_the_collector_imports_the_service_alone(path: Path) -> None:
    assert not _imported(path) & (FORBIDDEN - {"collector"})


def test_a_loaded_service_holds_nothing_of_training() -> None:
    code = "import sys, service.server; print(*{m.split('.')[0] for m in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(run.stdout.split()) & FORBIDDEN


def test_no_library_reports_to_third_parties() -> None:
    code = "import sys, service.server; assert sys.modules['openvino_telemetry'] is None"
    subprocess.run([sys.executable, "-c", code], check=True)
