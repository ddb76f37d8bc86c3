"""Uploaded files: pictures and documents that the bot sends."""

import secrets
import struct
from typing import Any

from .errors import BadRequest
from .parameters import Upload
from .runtime import Sandbox

LARGEST_PHOTO_BYTES = 10 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"


def keep_file(sandbox: Sandbox, given: Upload | str, *, kind: str) -> dict[str, Any]:
    """The row of an uploaded file, or of the one whose file id was given.

    A row holds file_id, name, content_type, size, width and height (0 for what is no picture).
    Raises: BadRequest for an unknown file id and for a photo that is no picture.
    """
    if isinstance(given, str):
        row = sandbox.world.data.files.get(given)
        if row is None:
            raise BadRequest("wrong file identifier/HTTP URL specified")
        return row
    width, height = measure_picture(given.data)
    if kind == "photo" and (not width or len(given.data) > LARGEST_PHOTO_BYTES):
        raise BadRequest("IMAGE_PROCESS_FAILED")
    file_id = f"{kind}_{secrets.token_hex(16)}"
    row = {
        "file_id": file_id,
        "name": given.name,
        "content_type": {"png": "image/png", "jpeg": "image/jpeg"}[_format_of(given.data)]
        if width
        else "application/octet-stream",
        "size": len(given.data),
        "width": width,
        "height": height,
    }
    sandbox.storage.write_file(file_id, given.data)
    sandbox.world.data.files[file_id] = row
    return row


def as_photo(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Telegram's list of PhotoSize for a picture; one size is enough here."""
    return [{**_file_fields(row), "width": row["width"], "height": row["height"]}]


def as_document(row: dict[str, Any]) -> dict[str, Any]:
    """Telegram's Document object."""
    return {**_file_fields(row), "file_name": row["name"], "mime_type": row["content_type"]}


def measure_picture(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of a PNG or JPEG, (0, 0) for anything else."""
    if _format_of(data) == "png" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if _format_of(data) == "jpeg":
        return _measure_jpeg(data)
    return 0, 0


def _measure_jpeg(data: bytes) -> tuple[int, int]:
    position = 2
    while position + 9 < len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        # SOF0 to SOF15 hold the size, except the three that are no frame headers
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return width, height
        position += 2 + length
    return 0, 0


def _format_of(data: bytes) -> str:
    if data.startswith(_PNG):
        return "png"
    return "jpeg" if data.startswith(b"\xff\xd8") else ""


def _file_fields(row: dict[str, Any]) -> dict[str, Any]:
    return {"file_id": row["file_id"], "file_unique_id": row["file_id"][-16:], "file_size": row["size"]}
