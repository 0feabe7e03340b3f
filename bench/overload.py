"""Three times what the service can do is asked of it for a minute: what it does then.

python -m bench.overload [--seconds 60] [--times 3] [--deadline 25]

First 8 clients who wait for each answer find the peak; then stories come at a steady pace,
whatever is answered; then the peak is measured once more. Right is: every answer is a label
or a 503 with Retry-After, labels come within the deadline and at 90 % of the peaks' mean,
and afterwards the queue is empty, memory and open files are as before, and the service as
fast. Exit status: 0 all right, 1 not. Run it while nothing else runs on the machine.
"""

import argparse
import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.flood import Answer, Crowd
from bench.probe import Checks, ask
from bench.processes import Server, serving
from bench.stories import of_length, own_stories

WORDS = 450
STORIES = 64
CLIENTS = 8
PEAK_S = 20.0
# The client's clock begins before the service's and ends after it.
GRACE_S = 0.5
# Kernels and buffers for shapes of batches that had not occurred before.
GROWTH_MB = 25.0


@dataclass(frozen=True)
class Demand:
    """So many `times` the peak for so many `seconds`, and what is wanted of the service then."""

    seconds: float
    times: float
    deadline_s: float
    least_of_peak: float = 0.9


@dataclass(frozen=True)
class Peak:
    """Stories a second, and what the service held open and in memory after them."""

    per_second: float
    rss_mb: float
    files: int


async def peak(server: Server, requests: Sequence[bytes], seconds: float) -> Peak:
    """What clients get who wait for their answers."""
    async with Crowd(server.url) as crowd:
        answers = await crowd.in_turn(requests, CLIENTS, seconds)
    took = max(a.came for a in answers) - min(a.asked for a in answers)
    labels = sum(answer.status == 200 for answer in answers)
    return Peak(labels / took, server.rss_mb(), server.process.num_fds())


def labels_per_second(answers: Sequence[Answer], seconds: float) -> float:
    """Labels that came while stories were coming; those that came later do not count."""
    until = min(answer.asked for answer in answers) + seconds
    return sum(a.status == 200 and a.came <= until for a in answers) / seconds


def judge(checks: Checks, answers: Sequence[Answer], usual: Peak, demand: Demand) -> None:
    """Look at what came back from an overload."""
    counts = Counter(answer.status for answer in answers)
    checks.check("answers are labels and 503", set(counts) <= {200, 503}, dict(counts))
    checks.check("it was an overload", counts[503] > 0)
    told = all(answer.retry_after for answer in answers if answer.status == 503)
    checks.check("every 503 says when to try again", told)
    slowest = max((a.seconds for a in answers if a.status == 200), default=0.0)
    name = f"labels come within the deadline of {demand.deadline_s:g} s"
    checks.check(name, slowest <= demand.deadline_s + GRACE_S, f"slowest {slowest:.2f} s")
    refusals = sorted(a.seconds for a in answers if a.status == 503) or [0.0]
    print(f"      refused within {1000 * refusals[len(refusals) // 2]:.0f} ms (median)")
    found = labels_per_second(answers, demand.seconds)
    share = found / usual.per_second
    name = f"labels come at {demand.least_of_peak:.0%} of the peak of {usual.per_second:.1f}/s"
    checks.check(name, share >= demand.least_of_peak, f"{found:.1f}/s, {share:.0%}")


def queued(url: str) -> float:
    """Windows in the queue, by /metrics."""
    match = re.search(r"^queue_windows (\S+)$", str(ask(f"{url}/metrics").body), re.M)
    return float(match[1]) if match else -1.0


async def overload(server: Server, checks: Checks, demand: Demand) -> None:
    """Peak, overload, peak."""
    stories = of_length(own_stories(), WORDS, STORIES)
    requests = [Crowd(server.url).encoded(story.request) for story in stories]
    peak_s = min(PEAK_S, demand.seconds)
    await peak(server, requests, peak_s / 4)  # every shape of input has been seen once
    before = await peak(server, requests, peak_s)
    pace = demand.times * before.per_second
    print(f"      {pace:.1f} stories/s for {demand.seconds:g} s", flush=True)
    async with Crowd(server.url) as crowd:
        answers = await crowd.at_pace(requests, pace, demand.seconds)
    left = await asyncio.to_thread(queued, server.url)
    checks.check("nothing is left in the queue", left == 0, left)
    after = await peak(server, requests, peak_s)
    # A shared machine's pace drifts within minutes: what it was in between is their mean.
    mean = (before.per_second + after.per_second) / 2
    judge(checks, answers, replace(before, per_second=mean), demand)
    share = after.per_second / before.per_second
    checks.check("it is as fast afterwards", share >= demand.least_of_peak, f"{share:.0%}")
    grown = after.rss_mb - before.rss_mb
    name = f"memory grew by less than {GROWTH_MB:.0f} MB"
    checks.check(name, grown < GROWTH_MB, f"{before.rss_mb:.0f} to {after.rss_mb:.0f} MB")
    opened = after.files - before.files
    checks.check("no file or connection stays open", opened <= CLIENTS, f"{opened:+d}")


def main() -> int:
    """Start the service, overload it, print the verdict."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload")
    parser.add_argument("--times", type=float, default=3.0, help="the peak")
    parser.add_argument("--deadline", type=float, default=25.0, help="REQUEST_DEADLINE_S")
    arguments = parser.parse_args()
    demand = Demand(arguments.seconds, arguments.times, arguments.deadline)
    os.environ["REQUEST_DEADLINE_S"] = str(demand.deadline_s)
    checks = Checks()
    with serving(("service", "serve")) as server:
        asyncio.run(overload(server, checks, demand))
    return checks.status()


if __name__ == "__main__":
    sys.exit(main())
