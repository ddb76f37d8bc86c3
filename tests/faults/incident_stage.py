"""A process of its own that prepares a running house for payments without any rate, and prints the webhooks to send.

With the argument "wake" it lets the worker's next minutes come early, until nothing waits in the inbox.
"""

import base64
import json
import sys
import time
from datetime import timedelta


def prepare() -> dict[str, str]:
    """A trade to pay in litecoin, and a top-up in bitcoin whose window is over. The bot went silent an hour ago."""
    from lockbay import clock
    from lockbay.models import Heartbeat
    from tests.faults.litecoin import EXACTLY, a_trade_in_litecoin, webhook_of
    from tests.payments.money_in import an_intent, raw_of, signature_of

    trade = a_trade_in_litecoin()
    late = raw_of(an_intent(asset="BTC", network="BTC", rate="40000", price="20.00", minutes=-1))
    Heartbeat.objects.update_or_create(name="bot", defaults={"beat_at": clock.real_now() - timedelta(hours=1)})
    return {
        "trade": trade.public_id,
        "in_time": base64.b64encode(webhook_of(trade, EXACTLY)).decode(),
        "late": base64.b64encode(late).decode(),
        "late_signature": signature_of(late),
    }


def let_minutes_come(seconds: float = 60.0) -> bool:
    """What the worker's schedule does each minute, each second instead; True when nothing waits any more."""
    from lockbay import jobs
    from payments.models import InboxEvent

    ends = time.monotonic() + seconds
    while (waits := InboxEvent.objects.filter(status="pending").exists()) and time.monotonic() < ends:
        for name in ("refresh_rates", "refresh_waited_rates", "drain_inbox"):
            jobs.wake(name)
        time.sleep(1)
    return not waits


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(let_minutes_come() if sys.argv[1:] == ["wake"] else prepare()))
