"""Feeds hostile URLs, HTTP answers and pages to the service's own code, for as long as asked.

    python -m bench.fuzz --minutes 60 --seed 1 [--pages ../shared/pages] [--out runs/fuzz]

Each input must end in a result or a ServiceError, in time and without much memory.
Prints how often each outcome occurred; inputs that end otherwise are saved under
`--out`, and the exit status is then 1. No name is resolved and nothing but a server
of its own on 127.0.0.1 is dialled.
"""

import argparse
import asyncio
import hashlib
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bench.fuzz_inputs import URLS, Answer, answers, damaged, made_pages
from bench.pages import DATA, page_bytes, read_pages
from service.encoding import decode
from service.errors import ErrorType, ServiceError
from service.extract import extract
from service.fetch import Fetcher, FetchLimits
from service.guard import check_url
from service.settings import ROOT

OWN_PAGES = ROOT / "tests" / "pages"
REAL_PAGES = 60  # of each set
PAGE_CPU_S = 5.0  # PageReader kills a page after as many seconds
PAGE_MB = 400.0  # by which one page may raise the peak; the worker may have 1 GB
LIMITS = FetchLimits(max_bytes=200_000, total_s=0.6, connect_s=0.5)
URL = "https://www.harlowledger.example/2024/03/14/deputy-taser"
ADDRESSES = [URL, None, "", "http://[", "https://www.harlowledger.example/"]


class MisbehaviourError(Exception):
    """An outcome that should not be, such as a page that took too long."""


@dataclass
class Findings:
    """Outcomes by name, and where inputs are saved that end otherwise."""

    out: Path
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: int = 0

    def run(self, part: str, data: object, work: Callable[[], str]) -> None:
        """Note how `work` on an input ends; what is neither result nor refusal is saved."""
        try:
            outcome = work()
        except ServiceError as error:
            outcome = error.error_type.value
            if error.error_type == ErrorType.INTERNAL or not error.message:
                self._save(part, data, "an internal error")
        except Exception:  # whatever it is, it is what this command looks for
            outcome = "FAILED"
            self._save(part, data, traceback.format_exc())
        self.outcomes[f"{part:6} {outcome}"] += 1

    def _save(self, part: str, data: object, why: str) -> None:
        self.failures += 1
        self.out.mkdir(parents=True, exist_ok=True)
        shown = data if isinstance(data, bytes) else repr(data).encode()
        path = self.out / f"{part}-{hashlib.sha256(shown).hexdigest()[:12]}"
        path.write_bytes(shown)
        path.with_suffix(".why").write_text(why)
        print(f"FAILED: {path}\n{why}", flush=True)

    def report(self) -> str:
        """One line per outcome, the most frequent first within each part."""
        ranked = sorted(self.outcomes.items(), key=lambda item: (item[0].split()[0], -item[1]))
        return "\n".join(f"{number:9,}  {name}" for name, number in ranked)


def try_url(url: str) -> str:
    """A URL that passes is canonical and leads to an allowed port."""
    checked = check_url(url)
    if check_url(checked.url) != checked or not checked.url.isascii():
        raise MisbehaviourError(f"not canonical: {checked}")
    if checked.scheme not in ("http", "https") or checked.port not in (80, 443):
        raise MisbehaviourError(f"not allowed: {checked}")
    return "passed"


def try_page(html: bytes, url: str | None) -> str:
    """A page gives a story with text, or an error, in time and memory."""
    started, peak = time.process_time(), _peak_mb()
    try:
        story = extract(html, url)
        if not story.text or (story.date is not None and len(story.date) != len("2024-03-14")):
            raise MisbehaviourError(f"an empty or malformed story: {story}")
        return "story"
    finally:
        took, grown = time.process_time() - started, _peak_mb() - peak
        if took > PAGE_CPU_S or grown > PAGE_MB:
            raise MisbehaviourError(f"{took:.1f} s and {grown:.0f} MB for {len(html)} bytes")


class Site:
    """A loopback server that sends prepared answers, and a fetcher that is let into it."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []
        self._numbers = count()
        self._runner = asyncio.Runner()

    def __enter__(self) -> "Site":
        self._runner.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]

        async def resolve(host: str) -> list[str]:
            return ["127.0.0.1"]  # whatever the name, so that nothing else is ever dialled

        self._fetcher = Fetcher(resolve, frozenset({("127.0.0.1", self._port)}), LIMITS)

    async def _close(self) -> None:
        self._server.close()
        await self._fetcher.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = self._answers.pop(0) if self._answers else _SOUND
        try:
            await reader.readuntil(b"\r\n\r\n")
            size = len(answer.data) // answer.pieces + 1
            for start in range(0, len(answer.data), size):
                writer.write(answer.data[start : start + size])
                await writer.drain()
            if answer.ending == "reset":
                writer.transport.abort()
            elif answer.ending == "hang":
                await reader.read()  # until the client gives up
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def try_answers(self, exchange: list[Answer]) -> str:
        """An exchange gives a page or an error, in time; a sound answer works after it."""
        outcome = self._runner.run(self._fetch(exchange))
        if isinstance(outcome, ServiceError):
            raise outcome
        return outcome

    async def _fetch(self, exchange: list[Answer]) -> str | ServiceError:
        self._answers = list(exchange)
        url = f"http://news.example:{self._port}/{next(self._numbers)}"
        clock, cpu = time.monotonic(), time.process_time()
        outcome: str | ServiceError
        try:
            page = await self._fetcher.fetch(url)
            decode(page.body, page.charset)
            outcome = "page"
        except ServiceError as error:
            outcome = error
        # On a busy machine the clock alone proves nothing.
        took = min(time.monotonic() - clock, LIMITS.total_s + time.process_time() - cpu)
        if took > LIMITS.total_s + 1:
            raise MisbehaviourError(f"{took:.1f} s")
        return outcome

    def check_alive(self) -> str:
        """A sound answer is still read after all that went before."""
        return self.try_answers([_SOUND])


_SOUND = Answer(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Sound.", 1, "close")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def originals(folder: Path) -> list[bytes]:
    """Pages to damage: those of the tests, and some of each file in `folder` if it exists."""
    found = [path.read_bytes() for path in sorted(OWN_PAGES.glob("*.html"))]
    for path in sorted(folder.glob("*.jsonl.gz")):
        found += [page_bytes(row) for row in islice(read_pages(path), REAL_PAGES)]
    return found


def round_of(findings: Findings, pages: list[bytes], site: Site) -> list[Callable[[int], None]]:
    """Functions that each try a few inputs of one part, drawn by a seed."""
    addresses = st.sampled_from(ADDRESSES)

    def over(
        part: str, examples: int, work: Callable[..., str], *kinds: st.SearchStrategy[Any]
    ) -> Callable[[int], None]:
        calm = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )

        def one(data: tuple[Any, ...]) -> None:
            shown = data[0] if isinstance(data[0], bytes) else data
            findings.run(part, shown, lambda: work(*data))

        def turn(number: int) -> None:
            seed(number)(calm(given(st.tuples(*kinds))(one)))()

        return turn

    exchanges = st.lists(answers(), min_size=1, max_size=4)
    return [
        over("url", 300, try_url, URLS | st.text(max_size=60)),
        over("answer", 30, site.try_answers, exchanges),
        over("page", 20, try_page, damaged(pages), addresses),
        over("answer", 30, site.try_answers, exchanges),
        over("page", 20, try_page, made_pages() | damaged(pages), addresses),
        lambda number: findings.run("answer", b"sound", site.check_alive),
    ]


def fuzz(minutes: float, first_seed: int, folder: Path, out: Path) -> Findings:
    """Try inputs of every part for so many minutes, at least one round; what was found."""
    findings = Findings(out)
    until = time.monotonic() + 60 * minutes
    number = first_seed
    with Site() as site:
        turns = round_of(findings, originals(folder), site)
        while number == first_seed or time.monotonic() < until:
            for turn in turns:
                turn(number)
                number += 1
    return findings


def main() -> int:
    """Run and report; 1 where an input misbehaved."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (1)")
    parser.add_argument("--seed", type=int, default=0, help="the same inputs for the same seed (0)")
    parser.add_argument("--pages", type=Path, default=DATA / "pages", help="real pages to damage")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "fuzz", help="for failures")
    given_ = parser.parse_args()
    before = _peak_mb()
    findings = fuzz(given_.minutes, given_.seed, given_.pages, given_.out)
    print(findings.report())
    print(f"{findings.outcomes.total():,} inputs, {findings.failures} misbehaved")
    print(f"peak memory {before:.0f} MB at the start, {_peak_mb():.0f} MB at the end")
    return int(findings.failures > 0)


if __name__ == "__main__":
    sys.exit(main())
