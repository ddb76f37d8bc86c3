"""Twilio's answers, as its documentation has them."""

from typing import Any
from urllib.parse import parse_qs

from notifications.channels.base import ChannelUnavailable
from tests.notifications.channels.contract import ADDRESS, TEXT, ChannelContract
from tests.notifications.channels.wires import GARBAGE, answer

SID = "SM00000000000000000000000000000001"


def refusal(status: int, code: int, **headers: str) -> dict[str, Any]:
    said = {"code": code, "message": f"The 'To' number {ADDRESS} is not good", "status": status, "more_info": "x"}
    return answer(status, said, **headers)


class TestSms(ChannelContract):
    name = "sms"
    settings_needed = {
        "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001",
        "TWILIO_AUTH_TOKEN": "a-private-auth-token",
        "TWILIO_SENDER": "+15005550006",
    }
    taken = answer(201, {"sid": SID, "status": "queued", "error_code": None})
    provider_id = SID
    temporary = [
        answer(500, GARBAGE),
        answer(503, GARBAGE),
        refusal(401, 20003),
        refusal(400, 21606),
        refusal(400, 21611),
    ]
    dead = [refusal(400, code) for code in (21211, 21610, 21614, 21635)]
    rejected = [
        refusal(400, 21617),
        refusal(400, 21408),
        refusal(400, 21612),
        refusal(400, 99999),
        answer(404, GARBAGE),
    ]
    limited = refusal(429, 20429, retry_after="17")
    garbage = [answer(201, GARBAGE), answer(201, {"status": "queued"}), answer(200, "[]"), answer(502, GARBAGE)]

    def test_asks_for_exactly_what_is_documented(self, wire: Any) -> None:
        wire.answers(self.taken)
        self.send()
        request = wire.requests[0]
        assert str(request.url) == (
            "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json"
        )
        assert request.headers["Authorization"].startswith("Basic ")
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert form == {"To": ADDRESS, "From": "+15005550006", "Body": TEXT}

    def test_a_messaging_service_chooses_the_sender(self, wire: Any, settings: Any) -> None:
        settings.TWILIO_SENDER = "MG00000000000000000000000000000001"
        wire.answers(self.taken)
        self.send()
        assert b"MessagingServiceSid=MG0" in wire.requests[0].content
        assert b"From=" not in wire.requests[0].content

    def test_a_message_that_failed_at_once_was_not_sent(self, wire: Any) -> None:
        refused = self.refusal(wire, answer(201, {"sid": SID, "status": "failed", "error_code": 30001}))
        assert isinstance(refused, ChannelUnavailable)
