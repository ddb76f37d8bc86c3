"""QR images for payment addresses."""

import io
from functools import lru_cache

import segno


@lru_cache(maxsize=64)
def draw_qr(text: str) -> bytes:
    """A PNG that a wallet's camera reads: the bare text, error correction M, a quiet border."""
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=10, border=4)
    return picture.getvalue()
