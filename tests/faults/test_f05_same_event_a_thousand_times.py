"""F5: one signed event a thousand times, a hundred at once, at two web processes: one credit, one message, all 2xx.

The database is one of the kind this test run uses.
"""

import base64
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from lockbay import http
from tests.journeys.house import House, eventually

TIMES, AT_ONCE, WEB_PROCESSES = 1_000, 100, 2


class TwoWebProcesses(House):
    """Web alone, with its pool, in two processes whatever this machine has."""

    def __enter__(self) -> "TwoWebProcesses":
        self._make_database()
        self.manage("migrate", "--verbosity", "0")
        self.start("web")
        eventually(lambda: http.request("GET", f"{self.web_url}/health").status_code == 200, "/health answers")
        return self

    def commands(self) -> dict[str, list[str]]:
        command = super().commands()["web"]
        command[command.index("--workers") + 1] = str(WEB_PROCESSES)
        return {"web": command}

    def deliver(self, webhook: dict[str, str], times: int) -> Counter[int]:
        """Sends the webhook that often, AT_ONCE at a time; the answers' statuses, counted."""
        headers = {"X-Sandbox-Signature": webhook["signature"], "Content-Type": "application/json"}
        raw = base64.b64decode(webhook["raw"])
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        with (
            httpx.Client(base_url=self.web_url, limits=limits, timeout=60) as client,
            ThreadPoolExecutor(AT_ONCE) as threads,
        ):
            answers = threads.map(lambda _: client.post("/hooks/sandbox", content=raw, headers=headers), range(times))
            return Counter(answer.status_code for answer in answers)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_same_event_a_thousand_times_is_one_credit_and_one_message(tmp_path: Path) -> None:
    with TwoWebProcesses(tmp_path, settings_changed={"DATABASE_POOL": "true", "LOCKBAY_MODE": "test"}) as web:
        [webhook] = json.loads(web.run("tests.faults.crash_stage", "1"))
        assert web.deliver(webhook, TIMES) == {200: TIMES}
        web.manage("shell", "-c", "from notifications.fanout import fan_out; fan_out()")
        found = web.look()
        assert found["inbox"] == ["applied"]
        assert found["deposits"] == 1
        assert found["operations"] == ["deposit"]
        assert list(found["balances"].values()) == ["20.00"]
        assert Counter((row["event"], row["audience"]) for row in found["deliveries"]) == {
            ("deposit.credited", "user"): 1
        }
        assert found["breaches"] == []
        assert "Traceback" not in web.log_of("web")
