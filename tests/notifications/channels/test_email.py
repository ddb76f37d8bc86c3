"""Brevo's answers through anymail. What SMTP servers say is in tests/notifications/test_mail.py."""

from typing import Any

import pytest

from tests.notifications.channels import contract
from tests.notifications.channels.wires import GARBAGE, RequestsWire, answer

MESSAGE_ID = "<202601151030.123@smtp-relay.mailin.fr>"


def refusal(status: int, code: str, **headers: str) -> dict[str, Any]:
    return answer(status, {"code": code, "message": f"{contract.ADDRESS} is not good"}, **headers)


class TestEmailByBrevo(contract.ChannelContract):
    name = "email"
    settings_needed = {"EMAIL_BACKEND": "anymail.backends.brevo.EmailBackend"}
    taken = answer(201, {"messageId": MESSAGE_ID})
    provider_id = MESSAGE_ID
    temporary = [answer(500, GARBAGE), answer(503, GARBAGE), refusal(401, "unauthorized"), refusal(402, "no_credit")]
    dead = []  # Brevo takes any address and tells later, by its callbacks
    rejected = [refusal(400, "invalid_parameter"), refusal(400, "missing_parameter")]
    limited = refusal(429, "too_many_requests", Retry_After="17")
    garbage = [answer(201, GARBAGE), answer(201, {})]

    @pytest.fixture(autouse=True)
    def _has_a_key(self, settings: Any) -> None:
        settings.ANYMAIL = {"BREVO_API_KEY": "a-private-api-key", "REQUESTS_TIMEOUT": (5, 15)}

    @pytest.fixture
    def wire(self, monkeypatch: pytest.MonkeyPatch) -> RequestsWire:
        wire = RequestsWire()
        wire.install(monkeypatch)
        return wire

    def send(self, **more: Any) -> Any:
        return self.adapter.send(contract.a_message(**more), "bea@example.org", message_key="delivery-7")
