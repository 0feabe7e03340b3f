"""Questions to a running service, and a list of what proved right. Standard library only."""

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; `body` is its JSON, or its text where it is none."""

    status: int
    body: Any


class UnreachableError(Exception):
    """Nothing at that address answers HTTP."""


def ask(
    url: str,
    body: object = None,
    token: str | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 60.0,
) -> Reply:
    """The reply to a GET, or with `body` to a POST of it as JSON. Raises UnreachableError."""
    sent = {**(headers or {}), "Content-Type": "application/json"}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, sent)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            return Reply(response.status, _json(response.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, _json(error.read()))
    except (OSError, ValueError) as error:
        raise UnreachableError(f"{url}: {error}") from error


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")


def healthy(url: str) -> bool:
    """Whether the service at `url` says that it is ready."""
    try:
        return ask(f"{url}/health", timeout_s=5).status == 200
    except UnreachableError:
        return False


def seconds_to_health(
    url: str, timeout_s: float, alive: Callable[[], bool] = lambda: True
) -> float | None:
    """Seconds until the service is ready; None if `timeout_s` is over or it is no longer alive."""
    started = time.perf_counter()
    while not healthy(url):
        if time.perf_counter() - started > timeout_s or not alive():
            return None
        time.sleep(0.02)
    return time.perf_counter() - started


def free_port() -> int:
    """A TCP port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Checks:
    """What was looked at, printed as it happens, and whether all of it was right."""

    failed: list[str] = field(default_factory=list)

    def check(self, name: str, right: bool, found: object = "") -> bool:
        """Print one line and remember a failure; `right` again."""
        print(
            f"{'pass' if right else 'FAIL'}  {name}{f': {found}' if found != '' else ''}",
            flush=True,
        )
        if not right:
            self.failed.append(name)
        return right

    def status(self) -> int:
        """Print the outcome; the exit status for it."""
        print(f"failed: {', '.join(self.failed)}" if self.failed else "all passed")
        return int(bool(self.failed))
