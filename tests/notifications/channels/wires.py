"""The two wires of the channels: our own HTTP client's, and that of the library under anymail."""

import json
from typing import Any

import httpx
import pytest
import requests

GARBAGE = "<html>\u0000 not what you asked for"


def answer(status: int, body: Any = None, **headers: str) -> dict[str, Any]:
    """An HTTP answer; `retry_after` becomes Retry-After."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "status": status,
        "text": text,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
    }


class HttpWire:
    """Answers every request the same way until told otherwise, and keeps what was asked."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self._answer: Any = None

    def answers(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def refuses(self) -> None:
        self._answer = httpx.ConnectError("nobody listens")

    def hangs(self) -> None:
        self._answer = httpx.ReadTimeout("no answer")

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        return httpx.Response(self._answer["status"], text=self._answer["text"], headers=self._answer["headers"])

    def json(self) -> Any:
        """The body of the last request."""
        return json.loads(self.requests[-1].content)


class RequestsWire(HttpWire):
    """The same under `requests`, which anymail uses."""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            requests.adapters.HTTPAdapter, "send", lambda _adapter, request, **_how: self._send(request)
        )

    def refuses(self) -> None:
        from urllib3.exceptions import NewConnectionError

        self._answer = requests.exceptions.ConnectionError(NewConnectionError(None, "refused"))  # type: ignore[arg-type]

    def hangs(self) -> None:
        self._answer = requests.exceptions.ReadTimeout("no answer")

    def _send(self, request: requests.PreparedRequest) -> requests.Response:
        self.requests.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        response = requests.Response()
        response.status_code, response.reason, response.request = self._answer["status"], "", request
        response._content, response.encoding = self._answer["text"].encode(), "utf-8"
        response.headers.update(self._answer["headers"])
        response.url = request.url or ""
        return response
