"""The service, allowed to fetch from one loopback port: python -m tests.loopback_server PORT.

Only code can allow it: no setting and no request field does.
"""

import sys

from service.fetch import Fetcher
from service.server import serve
from service.settings import Settings


def main() -> None:
    """Serve until a signal."""
    permit = frozenset({("127.0.0.1", int(sys.argv[1]))})
    serve(Settings.from_environment(), Fetcher(permit=permit))


if __name__ == "__main__":
    main()
