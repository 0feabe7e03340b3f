"""Limits how often one client may ask, and tells clients apart behind proxies."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers

from service.errors import ErrorType, ServiceError

# Clients remembered: 2 MB. Whoever asked longest ago is forgotten first.
MAX_CLIENTS = 10_000


class RateLimit:
    """A token bucket per client: `burst` at once, `per_minute` in the long run, 0 for no limit.

    Of each bucket only the second at which it will be full is kept.
    """

    def __init__(
        self, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> None:
        """One from the client's bucket. Raises ServiceError `rate_limited` where it is empty."""
        if not self._per_second:
            return
        missing = max(self._full_at.get(client, 0.0) - self._clock(), 0.0) * self._per_second
        if missing + 1 > self._burst:
            wait_s = math.ceil((missing + 1 - self._burst) / self._per_second)
            raise ServiceError(
                ErrorType.RATE_LIMITED,
                f"Too many requests; try again in {wait_s} seconds.",
                {"retry_after_s": wait_s},
            )
        self.owe(client, 1)

    def owe(self, client: str, count: int) -> None:
        """Takes even from an empty bucket, which is then filled later."""
        if not self._per_second:
            return
        full_at = max(self._full_at.get(client, 0.0), self._clock())
        self._full_at[client] = full_at + count / self._per_second
        self._full_at.move_to_end(client)
        if len(self._full_at) > MAX_CLIENTS:
            self._full_at.popitem(last=False)


def client_address(headers: Headers, peer: str, trusted_proxies: int) -> str:
    """Who asks: the peer, or what the outermost trusted proxy says that it was called by.

    Each proxy adds the address of its caller at the end of `X-Forwarded-For`; all
    before the entries of trusted proxies is the client's own claim and not
    believed. An IPv6 client stands for its /64 network, all of which it owns.
    """
    hops = ",".join(headers.getlist("x-forwarded-for")).split(",")
    claimed = hops[-trusted_proxies].strip() if 0 < trusted_proxies <= len(hops) else ""
    return _known(claimed) or _known(peer) or peer


def _known(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), 64), strict=False))
    return str(address)
