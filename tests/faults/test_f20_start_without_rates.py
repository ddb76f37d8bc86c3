"""F20 with real processes: web and worker start with empty caches while every source is down and the bot is dead.

/ready is red and says why; a payment in time is credited by its frozen rate and told by e-mail; one that needs a rate
waits; when the sources return it settles without a hand (R2, R3, R6, N2, N4).
"""

import base64
import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from lockbay import http as outside
from tests.faults.litecoin import BEAS
from tests.journeys.house import House, eventually
from tests.payments.providers.test_blockbee import public_key, signed
from tests.payments.rates.wire import answers_of_now

STAFF = "olu@lockbay.example"


class Source(http.server.ThreadingHTTPServer):
    """A source of rates that answers 503 until `is_up`."""

    is_up = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Source

    def do_GET(self) -> None:
        body = answers_of_now()["/simple/price"](None) if self.server.is_up else b"{}"
        self.send_response(200 if self.server.is_up else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@contextlib.contextmanager
def a_source() -> Iterator[Source]:
    """It listens while the block runs."""
    with Source(("127.0.0.1", 0), _Answer) as source:
        thread = threading.Thread(target=source.serve_forever, daemon=True)
        thread.start()
        yield source
        source.shutdown()
        thread.join()


class WithoutBot(House):
    """Web and worker: nobody else is ever started."""

    def __init__(self, folder: Path, source: Source) -> None:
        changed = {
            "RATE_SOURCES": "coingecko",
            "COINGECKO_API_URL": source.url,
            "RATE_BREAKER_SECONDS": "1",
            "PAYMENT_PROVIDERS": "blockbee,sandbox",
            "BLOCKBEE_API_KEY": "key",
            "BLOCKBEE_PUBLIC_KEYS": public_key().replace("\n", "\\n"),
            "STAFF_EMAILS": STAFF,
        }
        super().__init__(folder, settings_changed=changed)

    def __enter__(self) -> "WithoutBot":
        self._make_database()
        self.manage("migrate", "--verbosity", "0")
        for name in self.commands():
            self.start(name)
        eventually(lambda: outside.request("GET", f"{self.web_url}/health").status_code == 200, "/health answers")
        return self

    def __exit__(self, *exception: object) -> None:
        for name in self.commands():
            self.kill(name)  # nothing is left to be finished: an orderly end takes its time
        super().__exit__(*exception)

    def commands(self) -> dict[str, list[str]]:
        return {name: command for name, command in super().commands().items() if name in {"web", "worker"}}

    def ready(self) -> dict[str, Any]:
        """What /ready says of rates; the whole is red as long as the bot is dead."""
        report = outside.request("GET", f"{self.web_url}/ready")
        assert report.status_code == 503
        return dict(report.json()["checks"]["rates"])

    def look_at(self, trade: str, status: str) -> dict[str, Any]:
        """What look() says once the trade has that status; empty before."""
        found = self.look()
        return found if found["trades"] == {trade: status} else {}

    def send(self, provider: str, raw: str, headers: dict[str, str]) -> int:
        """The answer to a webhook; `raw` is base64."""
        headers = {**headers, "Content-Type": "application/json"}
        url = f"{self.web_url}/hooks/{provider}"
        return outside.request("POST", url, content=base64.b64decode(raw), headers=headers, timeout=30).status_code

    def mails(self) -> dict[str, str]:
        """By address, the text of its mails."""
        found: dict[str, str] = {}
        for file in sorted((self.folder / "mail").glob("*.log")):
            for part in file.read_bytes().split(b"-" * 79 + b"\n"):
                mail = message_from_bytes(part)
                texts = [one.get_payload(decode=True) for one in mail.walk() if one.get_content_type() == "text/plain"]
                if mail["To"]:
                    found[mail["To"]] = found.get(mail["To"], "") + b"".join(texts).decode()
        return found


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_payments_wait_or_are_credited_and_all_settles_when_the_sources_return(tmp_path: Path) -> None:
    with a_source() as source, WithoutBot(tmp_path, source) as house:
        staged = json.loads(house.run("tests.faults.incident_stage").splitlines()[-1])
        _require_red(house)
        in_time = base64.b64decode(staged["in_time"])
        assert house.send("blockbee", staged["in_time"], signed(in_time)) == 200
        assert house.send("sandbox", staged["late"], {"X-Sandbox-Signature": staged["late_signature"]}) == 200
        found = eventually(lambda: house.look_at(staged["trade"], "payment_confirmed"), "the trade is paid")
        assert (found["inbox"], found["operations"]) == (["applied", "pending"], ["escrow_fund"])

        # Other mail may come before: that Sol joined, that the staff's channels are tested.
        eventually(lambda: "worth 2.10 USD" in house.mails().get(BEAS, ""), "the buyer has the mail", within=60)
        eventually(lambda: staged["trade"] in house.mails().get(STAFF, ""), "staff have theirs", within=60)
        _require_red(house)

        source.is_up = True
        assert json.loads(house.run("tests.faults.incident_stage", "wake").splitlines()[-1]) is True
        eventually(lambda: house.ready()["ok"], "/ready takes rates for good")
        _require_settled(house)


def _require_red(house: WithoutBot) -> None:
    rates = house.ready()
    assert not rates["ok"]
    # Why: the source's own words, or that its breaker is open, when another process has heard them often enough.
    for words in ("15 of 15 missing", "prewarm: 0/", "coingecko: "):
        assert words in rates["detail"]


def _require_settled(house: WithoutBot) -> None:
    found = house.look()
    assert (found["inbox"], found["operations"]) == (["applied", "applied"], ["deposit", "escrow_fund"])
    assert (found["deposits"], found["breaches"]) == (2, [])
    told = {(row["channel"], row["state"], row["attempts"]) for row in found["deliveries"]}
    assert {row for row in told if row[0] == "telegram"} == {("telegram", "queued", 0)}
    sent = [line for line in house.log_of("worker").splitlines() if "delivery_sent" in line]
    assert sent
    assert all("email" in line for line in sent)
    assert "Traceback" not in house.log_of("web") + house.log_of("worker")
