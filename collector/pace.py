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
        start = self.take(gap_s)
        wait = start - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)

    def take(self, gap_s: float) -> float:
        """Take a turn; when it comes, in seconds of the event loop's clock."""
        start = max(asyncio.get_running_loop().time(), self._free_at)
        self._free_at = start + gap_s
        return start
