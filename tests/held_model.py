"""The shipped model, but it runs a batch only when a test permits it."""

import threading
from collections.abc import Sequence

from service.model import Model, WindowOutput
from service.text import Cut, Window
from tests.conftest import ROOT


class HeldModel(Model):
    """`permits` lets batches run; `ran` and `cuts` count what was really computed."""

    permits: threading.Semaphore
    ran: int
    cuts: int

    def run(self, windows: Sequence[Window]) -> list[WindowOutput]:
        assert self.permits.acquire(timeout=30)
        self.ran += len(windows)
        return super().run(windows)

    def cut(self, title: str | None, text: str) -> Cut:
        cutting = super().cut(title, text)
        self.cuts += 1
        return cutting


def held_model() -> HeldModel:
    """One that may run the warm-up and nothing else."""
    model = HeldModel.load(ROOT / "model" / "serving", threads=1)
    model.permits = threading.Semaphore(1)
    model.ran = model.cuts = 0
    return model
