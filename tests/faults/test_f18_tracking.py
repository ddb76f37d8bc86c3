"""F18: reports about messages twice, out of order, malformed, unauthenticated: one effect; 400; 401 (N3, N6)."""

from itertools import permutations
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from lockbay.events.kinds import Kind
from notifications import webhooks
from notifications.models import Delivery, DeliveryState, TrackingReport
from tests import cast
from tests.notifications import tracking_wires as wires
from tests.notifications.stories import told
from tests.notifications.tracking_wires import report

pytestmark = pytest.mark.django_db(transaction=True)
CHANNELS = ["email", "sms", "whatsapp"]


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    wires.configure(settings)


def a_message(channel: str) -> Delivery:
    """To the buyer, taken by the channel as m-1."""
    return wires.sent(told(Kind.ESCROW_ACCEPTED, cast.an_active_trade()), "buyer", channel, "m-1")


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_report_twice_has_one_effect(channel: str) -> None:
    message = a_message(channel)
    assert [report(channel, "m-1", "delivered") for _ in range(2)] == [200, 200]
    message.refresh_from_db()
    first = message.delivered_at
    assert report(channel, "m-1", "delivered") == 200
    message.refresh_from_db()
    assert (message.state, message.delivered_at) == (DeliveryState.DELIVERED, first)
    assert TrackingReport.objects.count() == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_in_any_order_it_never_goes_back(channel: str) -> None:
    for words in permutations(["delivered", "opened", "failed"]):
        TrackingReport.objects.all().delete()
        message = a_message(channel)
        assert {report(channel, "m-1", word) for word in words} == {200}
        message.refresh_from_db()
        wanted = DeliveryState.FAILED if words[0] == "failed" else DeliveryState.OPENED
        assert (words, message.state) == (words, wanted)
        TrackingReport.objects.all().delete()


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_message_that_is_not_ours_is_answered_and_changes_nothing(channel: str) -> None:
    message = a_message(channel)
    assert report(channel, "somebody-else-s", "failed") == 200
    message.refresh_from_db()
    assert message.state == DeliveryState.SENT


def test_without_proof_nothing_is_read_or_kept() -> None:
    body = wires.mail_event("m-1", "delivered")
    status = wires.whatsapp_status("m-1", "delivered")
    answers = [
        wires.post_mail(body, secret=""),
        wires.post_mail(body, secret="brevo:wrong"),
        wires.post_mail(b"\xff{not json", secret="brevo:wrong"),
        wires.post_sms({"MessageSid": "m-1", "MessageStatus": "delivered"}, token=""),
        wires.post_sms({"MessageSid": "m-1", "MessageStatus": "delivered"}, token="wrong"),
        wires.post_whatsapp(status, secret=""),
        wires.post_whatsapp(status, secret="wrong"),
        wires.post_whatsapp(b"\xff", secret="wrong"),
    ]
    assert set(answers) == {401}
    assert not TrackingReport.objects.exists()


def test_a_changed_byte_is_no_proof() -> None:
    raw = wires.whatsapp_status("m-1", "delivered")
    proof = {"X-Hub-Signature-256": wires.meta_signature(wires.META_SECRET, raw)}
    changed = raw.replace(b"delivered", b"failed   ")
    assert Client().post(wires.WHATSAPP, changed, content_type="application/json", headers=proof).status_code == 401


def test_while_a_secret_is_rotated_both_count() -> None:
    assert wires.post_sms({"MessageSid": "m-1", "MessageStatus": "delivered"}, token="older") == 200
    assert wires.post_whatsapp(wires.whatsapp_status("m-1", "delivered"), secret="older") == 200


def test_twilio_signs_the_query_too() -> None:
    fields = {"MessageSid": "m-1", "MessageStatus": "delivered"}
    assert wires.post_sms(fields, query="?from=here") == 200


def test_without_a_secret_of_ours_nobody_is_believed(settings: Any) -> None:
    settings.EMAIL_TRACKING_SECRETS, settings.WHATSAPP_APP_SECRETS, settings.TWILIO_AUTH_TOKEN = [], [], ""
    settings.TWILIO_OLD_AUTH_TOKENS = []
    assert wires.post_mail(wires.mail_event("m-1", "delivered")) == 401
    assert wires.post_sms({"MessageSid": "m-1", "MessageStatus": "delivered"}, token="") == 401
    assert wires.post_whatsapp(wires.whatsapp_status("m-1", "delivered"), secret="") == 401


GARBAGE = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{",
    b"\xff\xfe\x00",
    b"[" * 50_000,
    b'{"event":"delivered","message-id":["m-1"],"ts_epoch":1}',
    b'{"event":"delivered","message-id":"m-1","ts_epoch":1e400}',
    b'{"event":"delivered","message-id":"m-1","ts_epoch":"soon"}',
    b'{"event":["delivered"],"message-id":"m-1"}',
    b'{"items":[]}',
    b'{"event":"delivered","message-id":"m-1","ts_epoch":' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("raw", GARBAGE, ids=lambda raw: repr(raw[:40]))
def test_a_malformed_mail_report_is_400_and_moves_nothing(raw: bytes) -> None:
    assert wires.post_mail(raw) == 400
    assert not TrackingReport.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        *GARBAGE[:8],
        b'{"entry":7}',
        b'{"entry":[7]}',
        b'{"entry":[{"changes":[{"value":{"statuses":[{}]}}]}]}',
        b'{"entry":[{"changes":[{"value":{"statuses":[{"id":7,"status":"read"}]}}]}]}',
        b'{"entry":[{"changes":[{"value":{"statuses":[{"id":"m-1","status":"read","timestamp":NaN}]}}]}]}',
        b'{"entry":[{"changes":[{"value":{"statuses":[{"id":"m-1","status":"read","timestamp":"1e99"}]}}]}]}',
        b'{"entry":[{"changes":[{"value":{"statuses":[{"id":"m-1","status":"read","timestamp":"99999999999999"}]}}]}]}',
    ],
    ids=lambda raw: repr(raw[:60]),
)
def test_a_malformed_whatsapp_report_is_400_and_moves_nothing(raw: bytes) -> None:
    assert wires.post_whatsapp(raw) == 400
    assert not TrackingReport.objects.exists()


def test_a_malformed_sms_report_is_400() -> None:
    assert wires.post_sms({"MessageSid": "m-1"}) == 400
    proof = {"X-Twilio-Signature": "x"}
    form = "application/x-www-form-urlencoded"
    for raw in (b"\xff\xfe", b"&".join(b"a=1" for _ in range(500))):
        assert Client().post(wires.SMS, raw, content_type=form, headers=proof).status_code == 400


@pytest.mark.parametrize("text", ["m-\x00 1", "m-\ud800", "m" * 5000, "‮m"])
def test_hostile_texts_are_kept_harmless(text: str) -> None:
    assert wires.post_mail(wires.mail_event(text, "delivered", email=text, reason=text)) == 200
    assert wires.post_whatsapp(wires.whatsapp_status(text, "failed", recipient_id=text)) == 200
    assert TrackingReport.objects.filter(delivery=None).count() == 2


def test_what_is_too_large_is_413_and_other_methods_are_405() -> None:
    huge = b"x" * (262_144 + 1)
    paths = (wires.MAIL, wires.SMS, wires.WHATSAPP)
    assert {Client().post(path, huge, content_type="application/json").status_code for path in paths} == {413}
    assert {Client().put(path, b"{}", content_type="application/json").status_code for path in paths} == {405}


def test_what_cannot_be_stored_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_report: object) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(webhooks, "apply_tracking", fail)
    assert wires.post_mail(wires.mail_event("m-1", "delivered")) == 503


def test_meta_gets_its_challenge_only_with_our_token() -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "<b>42</b>"}
    answer = Client().get(wires.WHATSAPP, {**asked, "hub.verify_token": "verify-me"})
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"<b>42</b>", "text/plain")
    assert Client().get(wires.WHATSAPP, {**asked, "hub.verify_token": "guess"}).status_code == 401
    assert Client().get(wires.WHATSAPP).status_code == 401


def test_the_providers_own_vectors_hold() -> None:
    fields = {
        "MessageSid": "SM00000000000000000000000000000001",
        "MessageStatus": "delivered",
        "To": "+2348010000000",
        "From": "+15005550006",
    }
    address = "https://bot.example.org/hooks/twilio/status"
    assert wires.twilio_signature("twilio_test_token", address, fields) == "cv539x9Q9uDDMPQPoIMpJg65FxM="
    raw = b'{"object":"whatsapp_business_account","entry":[]}'
    digest = "e6ad1226d7dbb376b93779e72f6ea6cc56d514dbcb4b3fa023b679f8f0220325"
    assert wires.meta_signature("meta_app_secret", raw) == f"sha256={digest}"
