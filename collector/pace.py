"""Turns in time: whoever asks one host goes at most once per so many seconds."""

import asyncio


class Pace:
    """One host's turns. Callers are let through in the order in which they asked."""

    def __init__(self) -> None:
        self._free_at = 0.0

    @property
    def idle(self) -> bool:
        """Whether forgetting this pace would let nobody through too early."""
        return asyncio.get_running_loop().time() >= self._free_at

    async def turn(self, gap_s: float) -> None:
        """Returns when it is the caller's turn; the next one's comes `gap_s` later."""
        now = asyncio.get_running_loop().time()
        start = max(now, self._free_at)
        self._free_at = start + gap_s
        if start > now:
            await asyncio.sleep(start - now)
