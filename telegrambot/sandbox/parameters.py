"""Parameters of a Bot API call: query string, urlencoded, JSON and multipart read alike."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from .errors import BadRequest

_DISPOSITION_NAME = re.compile(r'[; ]name="([^"]*)"')
_DISPOSITION_FILE = re.compile(r'[; ]filename="([^"]*)"')
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')


@dataclass(frozen=True)
class Upload:
    """A file sent along with a call."""

    name: str
    content_type: str
    data: bytes


@dataclass
class Parameters:
    """The named values of one call; every reader refuses a malformed value as Telegram does."""

    values: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The value as text, empty when missing."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        """Raises: BadRequest when the value is not a whole number."""
        value = self.values.get(name)
        if value in (None, ""):
            return default
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise BadRequest(f"{name} must be an integer") from error

    def flag(self, name: str) -> bool:
        """True for true, "true", "True" and "1"."""
        return str(self.values.get(name, "")).lower() in ("true", "1")

    def object(self, name: str) -> Any:
        """A JSON-serialised value, None when missing. Raises: BadRequest when it cannot be read."""
        value = self.values.get(name)
        if not isinstance(value, str) or value == "":
            return value or None
        try:
            return json.loads(value)
        except ValueError as error:
            raise BadRequest(f"can't parse {name} JSON object") from error

    def file(self, name: str) -> Upload | str:
        """An upload, or the file id or address given instead of one; attach:// references are followed.

        Raises: BadRequest when there is neither.
        """
        if name in self.uploads:
            return self.uploads[name]
        return self.follow(self.text(name), name)

    def follow(self, value: str, name: str) -> Upload | str:
        """The upload behind an attach:// reference, anything else as it is. Raises: BadRequest for an empty one."""
        if value.startswith("attach://"):
            upload = self.uploads.get(value.removeprefix("attach://"))
            if upload is None:
                raise BadRequest(f"there is no {name} in the request")
            return upload
        if not value:
            raise BadRequest(f"there is no {name} in the request")
        return value


async def read_parameters(request: Request) -> Parameters:
    """All parameters of a call. Raises: BadRequest when the body is not what its content type says."""
    parameters = Parameters(dict(request.query_params))
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if not body:
        return parameters
    if content_type.startswith("application/json"):
        parameters.values.update(_read_json(body))
    elif content_type.startswith("multipart/form-data"):
        _read_multipart(body, content_type, parameters)
    else:
        parameters.values.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return parameters


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except ValueError as error:
        raise BadRequest("can't parse JSON object") from error
    if not isinstance(values, dict):
        raise BadRequest("object expected as a request body")
    return values


def _read_multipart(body: bytes, content_type: str, parameters: Parameters) -> None:
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise BadRequest("boundary is missing")
    # RFC 2046: every part follows CRLF, two dashes and the boundary; the last one is followed by two dashes
    for part in (b"\r\n" + body).split(b"\r\n--" + found.group(1).encode())[1:]:
        if part.startswith(b"--"):
            break
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = head.decode("utf-8", "replace")
        name = _DISPOSITION_NAME.search(headers)
        if name is None:
            raise BadRequest("a part without a name")
        file_name = _DISPOSITION_FILE.search(headers)
        if file_name is None:
            parameters.values[name.group(1)] = data.decode("utf-8", "replace")
        else:
            kind = re.search(r"content-type:\s*([^\r\n;]+)", headers, re.IGNORECASE)
            parameters.uploads[name.group(1)] = Upload(
                file_name.group(1), kind.group(1).strip() if kind else "application/octet-stream", data
            )
