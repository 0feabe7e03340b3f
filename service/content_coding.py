"""Unpacks gzip and deflate bodies as they arrive, and never holds more than the limit."""

import zlib
from typing import Protocol

from service.dialing import too_large
from service.errors import ErrorType, ServiceError

ACCEPTED = "gzip, deflate"
_STEP = 1 << 16  # bytes unpacked at a time
_GZIP_MAGIC = b"\x1f\x8b"


class BodyDecoder(Protocol):
    """Turns pieces of a body as sent into pieces of the body as meant."""

    def feed(self, data: bytes) -> None:
        """Takes the next piece off the wire."""

    def finish(self) -> bytes:
        """The whole body; raises ServiceError where it is broken off."""


class PlainBody:
    """A body without content coding, of at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._body = bytearray()
        self._max_bytes = max_bytes

    def feed(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._max_bytes:
            raise too_large()

    def finish(self) -> bytes:
        return bytes(self._body)


class ZippedBody:
    """A gzip or deflate body that unpacks to at most `max_bytes`.

    Servers that promise a coding but send plain bytes are believed by the
    bytes. Rubbish after the end of a stream is ignored, as browsers do.
    """

    def __init__(self, coding: str, max_bytes: int) -> None:
        self._gzip = coding == "gzip"
        self._plain = PlainBody(max_bytes)
        self._head = b""
        self._unpack: zlib._Decompress | None = None
        self._as_sent = False

    def feed(self, data: bytes) -> None:
        if self._unpack is None and not self._as_sent:
            self._head += data
            if len(self._head) < 2:
                return
            data, self._head = self._head, b""
            self._begin(data)
        if self._as_sent:
            self._plain.feed(data)
        else:
            self._inflate(data)

    def finish(self) -> bytes:
        if self._unpack is not None and not self._unpack.eof:
            raise _broken()
        return self._plain.finish() + self._head

    def _begin(self, data: bytes) -> None:
        if self._gzip:
            self._as_sent = not data.startswith(_GZIP_MAGIC)
            self._unpack = None if self._as_sent else zlib.decompressobj(zlib.MAX_WBITS | 16)
        else:
            # RFC 9110: "deflate" means the zlib format, but some servers send it bare.
            zlib_header = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._unpack = zlib.decompressobj(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)

    def _inflate(self, data: bytes) -> None:
        assert self._unpack is not None
        try:
            while data:
                if self._unpack.eof:
                    if not (self._gzip and data.startswith(_GZIP_MAGIC)):
                        return
                    self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
                self._plain.feed(self._unpack.decompress(data, _STEP))
                data = self._unpack.unused_data or self._unpack.unconsumed_tail
        except zlib.error:
            raise _broken() from None


def body_decoder(codings: list[str], max_bytes: int) -> BodyDecoder:
    """A decoder for the values of Content-Encoding; raises ServiceError for unknown codings."""
    names = [name.strip().lower() for value in codings for name in value.split(",")]
    names = [name.removeprefix("x-") for name in names if name not in ("", "identity")]
    if not names:
        return PlainBody(max_bytes)
    if len(names) > 1 or names[0] not in ("gzip", "deflate"):
        raise ServiceError(
            ErrorType.UNSUPPORTED_ENCODING,
            "The site packed the page in a way that was not asked for.",
        )
    return ZippedBody(names[0], max_bytes)


def _broken() -> ServiceError:
    return ServiceError(ErrorType.DECODE_ERROR, "The page arrived damaged or incomplete.")
