"""What tests share: the shipped model, a running application, pages on loopback."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.places.build import compile_gazetteer
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of development data, which a fresh machine lacks."""
    folder = Path(os.environ.get("BRUTALITY_WATCH_DATA", ROOT.parent / "shared"))
    if not (folder / "corpora").is_dir():
        pytest.skip(f"no development data at {folder}")
    return folder


@pytest.fixture(scope="session")
def model() -> Model:
    """The shipped model."""
    return Model.load(ROOT / "model" / "serving", threads=2)


@pytest.fixture(scope="session")
def locator() -> Locator:
    """The shipped places."""
    return Locator.load()


@pytest.fixture(scope="session")
def client(model: Model, locator: Locator) -> Iterator[TestClient]:
    """The application in this process, with the shipped model."""
    settings = Settings()
    with TestClient(create_app(settings, Predictor(model, locator, settings))) as client:
        yield client


@pytest.fixture(scope="session")
def gazetteer_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gazetteer built once for the whole run (some ten seconds)."""
    path = tmp_path_factory.mktemp("places") / "gazetteer.npz"
    compile_gazetteer(path)
    return path


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked `anyio` run on asyncio, as the service does."""
    return "asyncio"
