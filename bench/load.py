"""Drives a server with clients that each wait for an answer before they ask again."""

import http.client
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

import numpy as np


@dataclass(frozen=True)
class Load:
    """What `clients` at once got in `seconds`; `latencies_ms` has one entry per answer."""

    clients: int
    seconds: float
    latencies_ms: tuple[float, ...]

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.latencies_ms) / self.seconds

    def __add__(self, other: "Load") -> "Load":
        """Both, one after the other."""
        seconds = self.seconds + other.seconds
        return Load(self.clients, seconds, self.latencies_ms + other.latencies_ms)

    def percentile_ms(self, percent: float) -> float:
        """Milliseconds within which so many of a hundred answers came."""
        return float(np.percentile(self.latencies_ms, percent))


class _Crowd:
    """Clients that post payloads in turn until there is time and answers enough, or a failure."""

    def __init__(self, url: str, path: str, payloads: Sequence[bytes]) -> None:
        self._host = urlsplit(url).netloc
        self._path = path
        self._payloads = payloads
        self._number = count()
        self.latencies_ms: list[float] = []
        self.failures: list[str] = []

    def client(self, until: float, least: int) -> None:
        """One of them, who keeps its connection."""
        connection = http.client.HTTPConnection(self._host, timeout=120)
        try:
            while not self.failures:
                if time.perf_counter() >= until and len(self.latencies_ms) >= least:
                    break
                self._ask(connection)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        payload = self._payloads[next(self._number) % len(self._payloads)]
        asked = time.perf_counter()
        connection.request("POST", self._path, payload, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        self.latencies_ms.append((time.perf_counter() - asked) * 1000)
        if response.status != 200:
            self.failures.append(f"{response.status}: {answer[:200]!r}")


def drive(
    url: str, path: str, bodies: Sequence[object], clients: int, seconds: float, least: int = 1
) -> Load:
    """POST `bodies` in turn for `seconds` and until there are `least` answers.

    Raises RuntimeError on any answer but 200.
    """
    crowd = _Crowd(url, path, [json.dumps(body).encode() for body in bodies])
    started = time.perf_counter()
    arguments = (started + seconds, least)
    threads = [threading.Thread(target=crowd.client, args=arguments) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if crowd.failures:
        raise RuntimeError(f"{url}{path} with {clients} clients: {crowd.failures[0]}")
    return Load(clients, time.perf_counter() - started, tuple(crowd.latencies_ms))
