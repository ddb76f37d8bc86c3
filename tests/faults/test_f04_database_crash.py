"""F4: the database crashes in the middle of webhooks: 5xx or a closed connection, then redelivery credits once; the
pool heals by itself within 15 s. A PostgreSQL of this test's own is stopped the hard way; what SQLite does when its
process dies is F3."""

import base64
import json
import threading
import time
from pathlib import Path

import pytest

from lockbay import http
from tests.journeys.house import PATIENCE, House, eventually
from tests.plugins.local_postgres import LocalPostgres, start_local_postgres

PAYMENTS = 40
HEALS_WITHIN = 15.0


class WebAlone(House):
    """Only the web process, with its pool, on a server that may crash."""

    def __init__(self, folder: Path, server: LocalPostgres) -> None:
        changed = {**server.environment, "DATABASE_POOL": "true", "LOCKBAY_MODE": "test"}
        super().__init__(folder, settings_changed=changed)

    def __enter__(self) -> "WebAlone":
        self.manage("migrate", "--verbosity", "0")
        self.start("web")
        eventually(lambda: http.request("GET", f"{self.web_url}/health").status_code == 200, "/health answers")
        return self

    def commands(self) -> dict[str, list[str]]:
        return {"web": super().commands()["web"]}

    def deliver(self, webhook: dict[str, str]) -> int:
        """Sends one webhook; 0 when the connection was closed or nobody answered."""
        try:
            return http.request(
                "POST",
                f"{self.web_url}/hooks/sandbox",
                content=base64.b64decode(webhook["raw"]),
                headers={"X-Sandbox-Signature": webhook["signature"], "Content-Type": "application/json"},
                timeout=30,
            ).status_code
        except http.HTTPError:
            return 0


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_crash_loses_nothing_and_redelivery_credits_once(tmp_path: Path) -> None:
    server = start_local_postgres(is_durable=True)
    try:
        with WebAlone(tmp_path, server) as web:
            webhooks = json.loads(web.run("tests.faults.crash_stage", str(PAYMENTS)).splitlines()[-1])
            answers: list[int] = []
            are_three_answered = threading.Event()

            def deliver_all() -> None:
                for webhook in webhooks:
                    answers.append(web.deliver(webhook))
                    if len(answers) == 3:
                        are_three_answered.set()

            sender = threading.Thread(target=deliver_all)
            sender.start()
            assert are_three_answered.wait(PATIENCE)
            server.crash()
            eventually(lambda: set(answers) - {200}, "a webhook meets the crash")
            server.start_again()
            back = time.monotonic()
            eventually(lambda: web.deliver(webhooks[0]) == 200, "the pool heals by itself", within=HEALS_WITHIN)
            assert time.monotonic() - back < HEALS_WITHIN
            sender.join(60)
            assert not sender.is_alive()
            assert {answer for answer in answers if answer not in (0, 200)} <= {500, 503}
            # The provider sends again whatever was not answered 2xx, and once more what was.
            for webhook in webhooks:
                eventually(lambda webhook=webhook: web.deliver(webhook) == 200, "a redelivery is taken")
            eventually(lambda: set(web.look()["inbox"]) == {"applied"}, "every event is applied")
            found = web.look()
            assert found["breaches"] == []
            assert found["deposits"] == PAYMENTS
            assert list(found["balances"].values()) == [f"{20 * PAYMENTS}.00"]
    finally:
        server.stop()
