"""What bench.serve measured, and how it is told."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from bench.limit import Limits

OURS = "this service"
PEER = "FastAPI + transformers"
COMPARED = 8  # clients


@dataclass(frozen=True)
class Row:
    """One server under one number of clients."""

    server: str
    clients: int
    answers: int
    per_second: float
    p50_ms: float
    p99_ms: float
    rss_mb: float

    def line(self) -> str:
        """As a row of a Markdown table."""
        return (
            f"| {self.server} | {self.clients} | {self.answers} | {self.per_second:.1f} "
            f"| {self.p50_ms:.0f} | {self.p99_ms:.0f} | {self.rss_mb:.0f} |"
        )


@dataclass(frozen=True)
class Machine:
    """When, of what, and where was measured."""

    date: str
    commit: str
    cpu: str
    cpus: int


@dataclass(frozen=True)
class Results:
    """One run of bench.serve: all that bench/RESULTS.md is written from."""

    machine: Machine
    stories: int
    words: float
    data_hash: str
    seconds: float
    rows: tuple[Row, ...]
    limits: Limits

    def row(self, server: str, clients: int) -> Row:
        """The row of a server and a number of clients. Raises StopIteration."""
        return next(r for r in self.rows if (r.server, r.clients) == (server, clients))


@dataclass(frozen=True)
class Target:
    """A figure that must be reached: at least `must` or, where `most`, at most that."""

    name: str
    found: float
    must: float
    aim: float
    most: bool

    def line(self) -> str:
        """As a row of a Markdown table."""
        reached = self.found <= self.must if self.most else self.found >= self.must
        sign = "<=" if self.most else ">="
        verdict = "yes" if reached else "no"
        return (
            f"| {self.name} | {self.found:.2f} | {sign} {self.must:g} | {self.aim:g} | {verdict} |"
        )


def targets(results: Results) -> tuple[Target, ...]:
    """What the service must reach against the peer and against itself without HTTP."""
    ours, peer = results.row(OURS, COMPARED), results.row(PEER, COMPARED)
    best = max(r.per_second for r in results.rows if r.server == OURS)
    return (
        Target("requests/s at 8 clients / peer", ours.per_second / peer.per_second, 4, 6, False),
        Target("p99 at 8 clients / peer", ours.p99_ms / peer.p99_ms, 0.4, 0.25, True),
        Target(
            "most requests/s / model without HTTP",
            best / results.limits.raw_per_second,
            0.8,
            0.92,
            False,
        ),
        Target("RSS / peer", ours.rss_mb / peer.rss_mb, 0.45, 0.35, True),
        Target("ms, one client (p50)", results.row(OURS, 1).p50_ms, 45, 25, True),
    )


def markdown(results: Results) -> str:
    """bench/RESULTS.md."""
    where, limits = results.machine, results.limits
    share = limits.raw_per_second / limits.product_per_second
    return "\n".join(
        [
            "# Speed and memory of the service",
            "",
            "Written by `python -m bench.serve --write`. Do not edit.",
            "",
            f"{where.date}, commit {where.commit}, {where.cpus} CPUs ({where.cpu}); "
            f"{results.stories} stories of {results.words:.0f} words on average "
            f"(hash {results.data_hash}), {results.seconds:g} s for each row, the servers turn "
            "about. Clients and server share the machine; each client waits for its answer before "
            "it asks again.",
            "",
            "| server | clients | answers | requests/s | p50 ms | p99 ms | RSS MB |",
            "|---|---|---|---|---|---|---|",
            *(row.line() for row in results.rows),
            "",
            "The peer is bench/peer_server.py: the same checkpoint in a transformers pipeline, "
            "fp32, the first 512 tokens, one request at a time. The service reads all of a story "
            "and answers places and evidence, too.",
            "",
            "| target | measured | must | aim | reached |",
            "|---|---|---|---|---|",
            *(target.line() for target in targets(results)),
            "",
            f"Without HTTP the model takes {limits.raw_per_second:.1f} stories/s, tokenisation "
            f"included, at {limits.story_gflop:.1f} GFLOP a story. Multiplying matrices alone, "
            f"the runtime reaches {limits.fp32_gflops:.0f} GFLOP/s in fp32 and "
            f"{limits.int8_gflops:.0f} in int8, which would be {limits.product_per_second:.0f} "
            f"stories/s: the model is at {share:.0%} of that limit.",
            "",
        ]
    )


def read(path: Path) -> Results:
    """Results as bench.serve wrote them. Raises OSError, pydantic.ValidationError."""
    return TypeAdapter(Results).validate_json(path.read_bytes())
