"""The process that reads pages for PageReader; run as `python -m service.page_worker`.

Frames on stdin and stdout: a 4-byte length and that many bytes. It says it is
ready with an empty frame. A request is a JSON frame and a frame with the page;
the answer is one JSON frame. JSON, because nothing that a process which parses
hostile pages sends should be unpickled.
"""

import json
import resource
import sys
import traceback
from dataclasses import asdict
from typing import Any, BinaryIO

from service.errors import ErrorType, ServiceError
from service.extract import read_page
from service.reader import LENGTH

MEMORY_BYTES = 1 << 30  # of address space; a page that needs more is given up


def main() -> None:
    """Answers requests until stdin closes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing a library prints may end up between frames
    _write_frame(answers, b"")
    while (header := _read_frame(requests)) is not None:
        body = _read_frame(requests)
        if body is None:
            return
        _write_frame(answers, json.dumps(_answer(json.loads(header), body)).encode())


def _answer(request: dict[str, Any], body: bytes) -> dict[str, object]:
    try:
        story = read_page(body, request["url"], request["charset"], request["status"])
    except ServiceError as error:
        return {"error": [error.error_type, error.message, error.detail]}
    except (MemoryError, RecursionError):
        failed = ErrorType.EXTRACTION_FAILED
        return {"error": [failed, "The page is too intricate to be read.", None]}
    except Exception as error:  # a mistake of this program must not cost a new process
        # Where it happened, without its message, which may hold text of the page.
        return {"failure": [type(error).__name__, *traceback.format_tb(error.__traceback__)]}
    return {"story": asdict(story)}


def _read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame, or None at the end."""
    prefix = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(prefix)[0]) if len(prefix) == LENGTH.size else None


def _write_frame(stream: BinaryIO, data: bytes) -> None:
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


if __name__ == "__main__":
    main()
