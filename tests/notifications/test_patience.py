"""No try lasts longer than its lease: a slow channel is not asked again by somebody else meanwhile (F2, F36)."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lockbay import clock, http
from lockbay.events.kinds import Kind
from lockbay.people.models import User
from notifications import outbound, sending
from notifications.channels import email, wire
from notifications.channels.base import ChannelUnavailable, Uncertain
from notifications.channels.email import Email
from notifications.models import Delivery
from notifications.rendering import Rendered
from tests import cast
from tests.notifications.mail_wires import Scripted
from tests.notifications.stories import PAID, has_email, the_delivery, told

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


@pytest.mark.django_db(transaction=True)
def test_a_message_that_breaks_while_it_is_looked_at_holds_up_no_other(
    mail_server: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = cast.a_paid_trade()
    for person in (cast.bea(), cast.sol()):
        has_email(person)
        User.objects.filter(pk=person.pk).update(blocked_bot_at=clock.real_now())
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)

    def break_for_the_buyer(delivery: Delivery) -> bool:
        if delivery.audience == "buyer":
            raise LookupError("a bug")
        return False

    monkeypatch.setattr(sending, "is_overtaken", break_for_the_buyer)
    outbound.send_due()
    broken, whole = the_delivery(event, "buyer", "email"), the_delivery(event, "seller", "email")
    assert (whole.state, broken.state, broken.is_uncertain) == ("sent", "queued", False)
    assert broken.error == "LookupError while sending"
