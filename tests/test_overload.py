"""Three times what the service can do is asked of it: it does what it can, in time, and says so."""

import asyncio
from contextlib import suppress

import pytest

from bench.flood import Answer, Crowd
from bench.overload import Demand, Peak, judge, labels_per_second, overload
from bench.probe import Checks
from bench.processes import serving

PEAK = Peak(per_second=10.0, rss_mb=280.0, files=20)
DEMAND = Demand(seconds=1.0, times=3, deadline_s=4.0)
LABELS = tuple(Answer(200, number / 10, number / 10 + 0.05, False) for number in range(10))
REFUSALS = tuple(Answer(503, number / 20, number / 20 + 0.01, True) for number in range(20))


@pytest.mark.parametrize(
    ("answers", "failed"),
    [
        ([*LABELS, *REFUSALS], None),
        ([*LABELS, *REFUSALS, Answer(504, 0.5, 0.6, False)], "answers are labels and 503"),
        (LABELS, "it was an overload"),
        ([*LABELS, *REFUSALS, Answer(503, 0.1, 0.2, False)], "every 503 says when to try again"),
        ([*LABELS, *REFUSALS, Answer(200, 0.1, 5.1, False)], "labels come within the deadline"),
        ([*LABELS[:8], *REFUSALS], "labels come at 90% of the peak"),
    ],
)
def test_an_overload_is_judged(answers: list[Answer], failed: str | None) -> None:
    checks = Checks()
    judge(checks, answers, PEAK, DEMAND)
    assert len(checks.failed) == (failed is not None), checks.failed
    assert all(name.startswith(str(failed)) for name in checks.failed)


def test_labels_that_came_when_it_was_over_do_not_count() -> None:
    assert labels_per_second(LABELS, 1.0) == 10
    assert labels_per_second([*LABELS, Answer(200, 0.9, 1.1, False)], 1.0) == 10


def test_the_crowd_keeps_its_connections_and_reads_answers() -> None:
    connections: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append("one more")
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.rsplit(b" ", 1)[1]))
                answer = b"HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"
                writer.write(answer)
        writer.close()

    async def load() -> list[Answer]:
        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Crowd(f"http://127.0.0.1:{port}") as crowd:
            requests = [crowd.encoded({"text": "a"})]
            first = await crowd.in_turn(requests, clients=2, seconds=0.05)
            return first + await crowd.at_pace(requests, per_second=100, seconds=0.1)

    answers = asyncio.run(load())
    assert {(answer.status, answer.retry_after) for answer in answers} == {(503, True)}
    assert len(answers) >= 12
    assert len(connections) < len(answers)


@pytest.mark.slow
def test_three_times_the_peak_is_served_at_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m bench.overload` asks for more of it, on a machine that does nothing else."""
    demand = Demand(seconds=12.0, times=3.0, deadline_s=4.0, least_of_peak=0.6)
    monkeypatch.setenv("REQUEST_DEADLINE_S", str(demand.deadline_s))
    checks = Checks()
    with serving(("service", "serve")) as server:
        asyncio.run(overload(server, checks, demand))
    assert checks.failed == []
