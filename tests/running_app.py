"""The whole application in this process, allowed to fetch from one loopback server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from service.app import create_app
from service.fetch import FetchLimits
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.settings import Settings
from tests.loopback_site import Handler, Site, fetching, site


@dataclass(frozen=True)
class RunningApp:
    """A client of the application, and the site to which every host name leads it."""

    client: httpx2.AsyncClient
    site: Site

    async def predict(self, host: str, path: str) -> httpx2.Response:
        """What the application answers about a page of the site."""
        url = f"http://{host}:{self.site.port}{path}"
        return await self.client.post("/predict", json={"url": url})


@asynccontextmanager
async def running_app(
    model: Model, locator: Locator, handler: Handler
) -> AsyncIterator[RunningApp]:
    """Start it; `handler` plays the site."""
    async with site(handler) as served, fetching(served, FetchLimits()) as fetcher:
        settings = Settings()
        app = create_app(settings, Predictor(model, locator, settings, fetcher))
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=transport, base_url="http://service", timeout=60
            ) as client,
        ):
            yield RunningApp(client, served)
