"""The batch route at its limits, in the memory of the smallest dyno."""

from pathlib import Path

import pytest

from bench.containers import MEMORY_BYTES
from bench.image import status_kb
from bench.probe import ask
from bench.processes import serving
from service.schemas import MAX_BATCH
from service.settings import Settings

SENTENCE = "Officers fired tear gas at a crowd in Dayton, Ohio, police said on Monday. "


@pytest.mark.slow
def test_the_largest_batch_is_answered_within_512_megabytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The most memory it ever had is asked of the kernel.

    Limits by `prlimit` would not do: they count address space, such as the stacks of
    threads, of which most is never used. `make image-test` runs under a real cap.
    """
    monkeypatch.setenv("REQUEST_DEADLINE_S", "100")  # so that a slow machine judges some, too
    chars = Settings().max_text_chars
    text = (SENTENCE * (chars // len(SENTENCE)))[: chars - 10]
    stories = [{"text": f"{number} {text}"} for number in range(MAX_BATCH)]
    with serving(("service", "serve")) as server:
        reply = ask(f"{server.url}/predict/batch", {"stories": stories}, timeout_s=120)
        assert reply.status == 200, reply.body
        outcomes = {answer.get("error_type", answer.get("label")) for answer in reply.body}
        assert len(reply.body) == MAX_BATCH
        assert {"brutality"} <= outcomes <= {"brutality", "overloaded", "deadline_exceeded"}
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        assert 0 < status_kb(status, "VmHWM") << 10 <= MEMORY_BYTES
        assert ask(f"{server.url}/predict", {"text": SENTENCE}).body["label"] == "brutality"
