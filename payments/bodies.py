"""Reading a webhook's raw body under a size limit, also when the sender does not say how long it is (F10)."""

from typing import Any

from django.http import HttpRequest

from payments.errors import BodyMalformed, BodyTooLarge

_PIECE = 65_536


def read_body(request: HttpRequest, *, limit: int) -> bytes:
    """At most `limit` raw bytes. A length announced above the limit is refused before a byte is read; a chunked body is
    counted while it is read. Raises: BodyTooLarge, BodyMalformed."""
    announced = str(request.META.get("CONTENT_LENGTH") or "")
    if not announced:
        is_chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
        return _read_up_to(request.META["wsgi.input"], limit) if is_chunked else b""
    if not (announced.isascii() and announced.isdigit()):
        raise BodyMalformed("Content-Length is not a number")
    if len(announced) > 12 or int(announced) > limit:
        raise BodyTooLarge(limit)
    try:
        raw = bytes(request.read(int(announced)))
    except OSError as error:
        raise BodyMalformed("the body ended early") from error
    if len(raw) != int(announced):
        raise BodyMalformed("the body ended early")
    return raw


def _read_up_to(stream: Any, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        piece = stream.read(_PIECE)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(limit)
