"""Seconds to the first answer and memory after 200 stories, of the real server process.

python -m bench.footprint [--python .venv/bin/python]
"""

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from bench.probe import ask
from bench.processes import serving
from bench.stories import Text, own_stories

STORIES = 200


def texts() -> Iterator[Text]:
    """The project's own stories, over and over."""
    stories = own_stories()
    yield from cycle(stories[:: max(1, len(stories) // STORIES)])


def installed_mb(python: str) -> float:
    """Megabytes of the environment that `python` belongs to."""
    folder = Path(python).absolute().parent.parent
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_dir()) / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="of the serving environment")
    python = parser.parse_args().python
    with serving(("service", "serve"), python) as server:
        print(f"environment              {installed_mb(python):8.0f} MB")
        print(f"start to /health 200     {server.seconds:8.2f} s")
        print(f"RSS at start             {server.rss_mb():8.0f} MB")
        began = time.perf_counter()
        for story in islice(texts(), STORIES):
            if ask(f"{server.url}/predict", story.request).status != 200:
                raise RuntimeError(f"no answer to {story.title!r}")
        each = (time.perf_counter() - began) / STORIES * 1000
        print(f"one client, per story    {each:8.1f} ms")
        print(f"RSS after {STORIES} stories    {server.rss_mb():8.0f} MB")


if __name__ == "__main__":
    main()
