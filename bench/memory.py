"""Memory of the service under mixed requests, and where it goes.

python -m bench.memory [--requests 10000] [--clients 4]     of the real server
python -m bench.memory --parts                              of what it loads, part by part

Mixed means: single stories, batches of 8, a story at the length limit, bad requests,
place names, and addresses that are refused. Growth is the slope over the second half of a
straight line, with its standard error; it is a trend where it is more than twice that.
"""

import argparse
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from bench.probe import ask
from bench.stories import own_stories

if TYPE_CHECKING:  # --parts watches them being loaded
    from service.model import Model
    from service.places import Locator

STEPS = 20
LIMIT_MB = 300
LEAST_TREND = 0.5  # MB per 1,000 requests; Heroku starts a dyno anew every day
BUSY = (503, 504)  # no room, or no answer in time


@dataclass(frozen=True)
class Request:
    """A path, the body to post there (None: GET), and the statuses that are right."""

    path: str
    body: object
    statuses: Sequence[int] = (200,)


def mixed() -> Iterator[Request]:
    """Requests of all kinds, for ever."""
    stories = [story.request for story in own_stories()]
    longest = max(stories, key=lambda story: len(story["text"]))["text"]
    singles = cycle(Request("/predict", story) for story in stories)
    batches = (
        Request("/predict/batch", {"stories": stories[at : at + 8]}) for at in range(0, 80, 8)
    )
    rare = cycle(
        [
            *batches,
            Request("/predict", {"text": (longest + "\n") * (100_000 // len(longest))}),
            Request("/predict", {"text": " "}, (422,)),
            Request("/predict", {"url": "http://10.0.0.1/"}, (422,)),
            Request("/predict", {"nonsense": 1}, (422,)),
            Request("/places?q=Springfield", None),
            Request("/info", None),
            Request("/nowhere", None, (404,)),
        ]
    )
    while True:
        yield from islice(singles, 9)
        yield next(rare)


@dataclass(frozen=True)
class Growth:
    """MB per 1,000 requests, and the standard error of that."""

    slope: float
    error: float

    @classmethod
    def of(cls, requests: Sequence[int], rss_mb: Sequence[float]) -> "Growth":
        """The least-squares line through the second half of the measurements, at least three."""
        half = len(requests) // 2
        x, y = requests[half:], rss_mb[half:]
        line = statistics.linear_regression(x, y)
        rest = sum((b - line.intercept - line.slope * a) ** 2 for a, b in zip(x, y, strict=True))
        error = math.sqrt(rest / (len(x) - 2) / (statistics.pvariance(x) * len(x)))
        return cls(line.slope * 1000, error * 1000)

    @property
    def is_trend(self) -> bool:
        """Whether it is more than chance."""
        return self.slope > max(2 * self.error, LEAST_TREND)


def under_load(total: int, clients: int, python: str) -> int:
    """Print memory after every twentieth of `total` requests; 1 if it is over the limit or grows.

    Raises RuntimeError on a wrong answer. That a slow machine refuses some is no wrong answer.
    """
    from bench.processes import serving  # brings in what parts() looks at one by one

    source, done, sizes, refused = mixed(), [0], list[float](), 0
    with serving(("service", "serve"), python) as server, ThreadPoolExecutor(clients) as pool:
        sizes.append(server.rss_mb())
        for _ in range(STEPS):
            requests = islice(source, total // STEPS)
            refused += sum(pool.map(lambda request: _refused(server.url, request), requests))
            done.append(done[-1] + total // STEPS)
            sizes.append(server.rss_mb())
            print(f"{done[-1]:8} requests {sizes[-1]:6.0f} MB", flush=True)
    print(f"{sizes[0]:.0f} MB at start, {max(sizes):.0f} MB at most; the aim is {LIMIT_MB}")
    growth = Growth.of(done, sizes)
    found = f"{growth.slope:+.2f} +- {growth.error:.2f} MB per 1,000 requests"
    print(f"growth in the second half: {found}, {'a' if growth.is_trend else 'no'} trend")
    print(f"refused as too many: {refused} of {done[-1]}")
    return int(max(sizes) > LIMIT_MB or growth.is_trend)


def _refused(url: str, request: Request) -> bool:
    """Whether the service had no time for the request. Raises RuntimeError on a wrong answer."""
    reply = ask(url + request.path, request.body)
    if reply.status in BUSY:
        return True
    if reply.status not in request.statuses:
        raise RuntimeError(f"{request.path}: {reply.status} {str(reply.body)[:200]}")
    return False


def _resident() -> tuple[float, float]:
    """Megabytes of this process: all, and those that no file stands behind."""
    rows = Path("/proc/self/smaps_rollup").read_text().splitlines()
    kilobytes = {row.split(":")[0]: int(row.split()[1]) for row in rows if row.endswith(" kB")}
    return kilobytes["Rss"] / 1e3, kilobytes["Anonymous"] / 1e3


class _Parts:
    """What the server loads, each part by a call, in the order it needs them."""

    model: "Model"
    locator: "Locator"

    def load_model(self) -> None:
        from service.model import Model
        from service.settings import Settings

        settings = Settings.from_environment()
        self.model = Model.load(settings.model_dir, settings.model_threads)

    def load_places(self) -> None:
        from service.places import Locator

        self.locator = Locator.load()

    def run(self, stories: int, repeat: int) -> None:
        for story in own_stories()[:stories]:
            self.model.run(self.model.cut(story.title, story.text * repeat).windows)

    def steps(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """Names and calls."""
        yield "Python", lambda: None
        yield "numpy", lambda: import_module("numpy")
        yield "Uvicorn", lambda: import_module("uvicorn")
        yield "FastAPI and pydantic", lambda: import_module("fastapi")
        yield "tokenizers", lambda: import_module("tokenizers")
        yield "OpenVINO", lambda: import_module("service.runtime")
        yield "the rest of the server's code", lambda: import_module("service.server")
        yield "model, compiled", self.load_model
        yield "gazetteer and place models", self.load_places
        yield "buffers after 50 short stories", lambda: self.run(50, 1)
        yield "buffers after 3 very long ones", lambda: self.run(3, 40)


def parts() -> None:
    """Load what the server loads, one after the other, and print what each adds."""
    before = (0.0, 0.0)
    print(f"{'':34} {'MB':>6} {'without files':>14} {'sum':>6}")
    for name, step in _Parts().steps():
        step()
        now = _resident()
        print(f"{name:34} {now[0] - before[0]:6.0f} {now[1] - before[1]:14.0f} {now[0]:6.0f}")
        before = now


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=10_000, help="how many")
    parser.add_argument("--clients", type=int, default=4, help="how many at once")
    parser.add_argument("--python", default=sys.executable, help="of the serving environment")
    parser.add_argument("--parts", action="store_true", help="what each part of the server holds")
    arguments = parser.parse_args()
    if arguments.parts:
        parts()
        return 0
    return under_load(arguments.requests, arguments.clients, arguments.python)


if __name__ == "__main__":
    sys.exit(main())
