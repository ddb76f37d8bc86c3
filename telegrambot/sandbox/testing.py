"""The sandbox in the hands of a test: a server in a thread, and a client that plays the people."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lockbay import http

from .app import create_server
from .config import SandboxConfig

START_SECONDS = 10


@contextmanager
def run_sandbox(config: SandboxConfig, *, port: int) -> Iterator["SandboxClient"]:
    """Serves a sandbox on 127.0.0.1 for as long as the block lasts."""
    server = create_server(config, host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError(f"the sandbox did not start on port {port}")
        time.sleep(0.01)
    try:
        yield SandboxClient(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        server.close_polls()
        thread.join(START_SECONDS)


class SandboxClient:
    """Does what people do on the page. Every call raises RuntimeError when the sandbox refuses."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")

    def send_text(self, person: str, text: str) -> int:
        """Writes to the bot; returns the message's id."""
        return int(self._post(f"people/{person}/text", text=text)["message_id"])

    def start(self, person: str, payload: str = "") -> int:
        """Presses Start, perhaps through an invitation link."""
        return int(self._post(f"people/{person}/start", payload=payload)["message_id"])

    def press(self, person: str, message_id: int, button: str, *, by: str = "") -> str:
        """Presses a button by its callback data or its label; returns the id of the callback query. `by`: in a group,
        who else than the member of staff."""
        pressed = self._post(f"people/{person}/press", message_id=message_id, button=button, by=by)
        return str(pressed["callback_query_id"])

    def set_blocked(self, person: str, blocked: bool) -> None:
        """Blocks the bot or lifts the block."""
        self._post(f"people/{person}/block", blocked=blocked)

    def add_person(self, key: str, **details: str) -> int:
        """A further phone; returns the Telegram id."""
        return int(self._post("people", key=key, **details)["id"])

    def messages(self, person: str) -> list[dict[str, Any]]:
        """The chat, oldest first: message_id, from_bot, text, html, buttons, photo, edited, …"""
        return list(self._get(f"people/{person}/messages"))

    def file(self, url: str) -> bytes:
        """What a picture or a document that the bot sent holds; `url` is its path on the page."""
        response = http.request("GET", f"{self.base_url}{url}")
        assert response.status_code == 200, response.text  # noqa: S101  a test's own client
        return response.content

    def payments(self) -> list[dict[str, Any]]:
        """Payments, newest first, each with its deliveries."""
        return list(self._get("payments"))

    def pay(self, payment_id: str, how: str = "exact", *, amount: str = "", confirm_after: int = 0) -> dict[str, Any]:
        """Pays; returns {"txid", "deliveries"} when every webhook had its first try."""
        result = self._post(f"payments/{payment_id}/pay", how=how, amount=amount, confirm_after=confirm_after)
        return dict(result)

    def emails(self) -> list[dict[str, Any]]:
        """E-mails with bodies, newest first."""
        return list(self._get("emails"))

    def advance_clock(self, seconds: int) -> int:
        """Moves the virtual clock forward; returns the offset in seconds."""
        return int(self._post("clock", seconds=seconds)["offset"])

    def faults(self, **faults: Any) -> dict[str, Any]:
        """Arms faults, see Faults.order; too_many={"count": 1, "retry_after": 2} stands for "429"."""
        if "too_many" in faults:
            faults["429"] = faults.pop("too_many")
        return dict(self._post("faults", **faults))

    def state(self) -> dict[str, Any]:
        """The snapshot that the page draws."""
        return dict(self._get("state"))

    def reset(self) -> None:
        """Empties chats, payments and faults."""
        self._post("reset")

    def _get(self, path: str) -> Any:
        return _read(http.request("GET", f"{self.base_url}/sandbox/api/{path}"))

    def _post(self, path: str, **body: Any) -> Any:
        return _read(http.request("POST", f"{self.base_url}/sandbox/api/{path}", json=body, timeout=30))


def _read(response: http.Response) -> Any:
    if response.status_code >= 400:
        raise RuntimeError(f"the sandbox refused: {response.status_code} {response.text[:200]}")
    return response.json()
