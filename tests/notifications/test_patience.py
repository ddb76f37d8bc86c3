"""No try lasts longer than its lease: a slow channel is not asked again by somebody else meanwhile (F2, F36)."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lockbay import http
from notifications.channels import email, wire
from notifications.channels.base import ChannelUnavailable, Uncertain
from notifications.channels.email import Email
from notifications.rendering import Rendered
from tests.notifications.mail_wires import Scripted

_TALK = 4  # sender, recipient, "here it comes", the message: what a mail server answers once the connection is open


class Drips(httpx.SyncByteStream):
    """An answer of one byte now and then: each within every read's time-out, for ever."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            time.sleep(0.02)
            yield b" "


def test_an_answer_that_drips_for_ever_is_given_up_within_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_WHOLE_ANSWER_SECONDS", 0.1)
    http.use_transport(httpx.MockTransport(lambda _request: httpx.Response(200, stream=Drips())))
    try:
        with pytest.raises(Uncertain):
            wire.post("https://api.example.org/messages")
    finally:
        http.use_transport(None)


def test_a_mail_server_that_opens_too_slowly_gets_no_message(
    mail_server: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "_LONGEST_OPENING_SECONDS", -1.0)
    with pytest.raises(ChannelUnavailable):
        Email().send(Rendered("s", "<p>t</p>", "t", None, None, "trade_offered"), "bea@example.org", message_key="k")
    assert mail_server.taken == []


def test_what_a_channel_may_take_together_stays_below_the_lease(settings: Any) -> None:
    lease = settings.JOB_LEASE.total_seconds()
    assert lease > email._LONGEST_OPENING_SECONDS + _TALK * settings.EMAIL_TIMEOUT
    assert lease > http.DEFAULT_TIMEOUT_SECONDS * 3 + wire._WHOLE_ANSWER_SECONDS
    assert sum(settings.ANYMAIL["REQUESTS_TIMEOUT"]) < lease
