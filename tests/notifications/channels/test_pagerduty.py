"""PagerDuty's answers, as its schema has them."""

from typing import Any

from tests.notifications.channels.contract import TEXT, ChannelContract
from tests.notifications.channels.wires import GARBAGE, answer

ROUTING_KEY = "0123456789abcdef0123456789abcdef"


def invalid(error: str) -> dict[str, Any]:
    return answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": [error]})


class TestPagerDuty(ChannelContract):
    name = "pagerduty"
    settings_needed = {"PAGERDUTY_ROUTING_KEY": ROUTING_KEY}
    taken = answer(202, {"status": "success", "message": "Event processed", "dedup_key": "127.0.0.1/delivery-7"})
    provider_id = "127.0.0.1/delivery-7"
    temporary = [answer(500, GARBAGE), answer(503, GARBAGE), answer(504, GARBAGE)]
    dead = [invalid("Length of 'routing_key' is incorrect (should be 32 characters)")]
    rejected = [invalid("'payload.severity' is invalid"), answer(413, GARBAGE)]
    limited = answer(429, "", retry_after="17")
    garbage = [answer(202, GARBAGE), answer(200, {"status": "success"}), answer(202, {"status": "invalid event"})]

    def test_every_copy_carries_the_same_key(self, wire: Any) -> None:
        wire.answers(self.taken)
        self.send()
        self.send()
        first, second = (request.content for request in wire.requests)
        assert first == second
        event = wire.json()
        assert (event["routing_key"], event["event_action"]) == (ROUTING_KEY, "trigger")
        assert event["dedup_key"] == "127.0.0.1/delivery-7"
        assert event["client_url"] == "https://desk/1"
        assert event["payload"] == {
            "summary": "Payment confirmed",
            "source": "127.0.0.1",
            "severity": "critical",
            "class": "payment_confirmed",
            "custom_details": {"message": TEXT},
        }
