"""The service, allowed to fetch from one loopback port: python -m tests.loopback_server PORT.

Only code can allow it: no setting and no request field does.
"""

import sys

import uvicorn

from service.app import create_app
from service.fetch import Fetcher
from service.pipeline import Predictor
from service.settings import Settings


def main() -> None:
    """Serve until a signal."""
    permit = frozenset({("127.0.0.1", int(sys.argv[1]))})
    settings = Settings.from_environment()
    predictor = Predictor.load(settings, Fetcher(permit=permit))
    uvicorn.run(create_app(settings, predictor), host=settings.host, port=settings.port)


if __name__ == "__main__":
    main()
