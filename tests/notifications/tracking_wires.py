"""What providers send about messages, proved as they prove it."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

from django.conf import LazySettings, settings
from django.test import Client

from lockbay import clock
from lockbay.events.models import Event
from lockbay.people.models import Channel
from notifications.models import Delivery, DeliveryState
from notifications.phone_reports import meta_signature, twilio_signature

MAIL_SECRET, TWILIO_TOKEN, META_SECRET = "brevo:a-secret", "twilio-token", "meta-secret"
MAIL, SMS, WHATSAPP = "/reports/mail", "/reports/sms", "/reports/whatsapp"


def configure(settings: LazySettings) -> None:
    """Every channel that reports is set up."""
    settings.EMAIL_BACKEND = "anymail.backends.brevo.EmailBackend"
    settings.EMAIL_TRACKING_SECRETS = [MAIL_SECRET]
    settings.ANYMAIL = {"WEBHOOK_SECRET": [MAIL_SECRET], "BREVO_API_KEY": "x"}
    settings.PUBLIC_URL = "https://lockbay.example"
    settings.TWILIO_AUTH_TOKEN, settings.TWILIO_OLD_AUTH_TOKENS, settings.TWILIO_REPORTS = TWILIO_TOKEN, ["older"], True
    settings.WHATSAPP_APP_SECRETS, settings.WHATSAPP_VERIFY_TOKEN = [META_SECRET, "older"], "verify-me"


def sent(event: Event, audience: str, channel: str, provider_id: str) -> Delivery:
    """The message as a channel that took it left it; whatever else was made of the event is gone."""
    delivery = Delivery.objects.filter(event=event, audience=audience).first()
    assert delivery is not None
    delivery.channel, delivery.state = channel, DeliveryState.SENT
    delivery.provider_id, delivery.sent_at, delivery.fallback_at = provider_id, clock.real_now(), None
    delivery.save()
    return delivery


def mail_event(message_id: str, event: str, **more: Any) -> bytes:
    """Brevo's body."""
    body = {"event": event, "email": "bea@example.org", "message-id": message_id, "ts_epoch": 1700000000000, **more}
    return json.dumps(body).encode()


def post_mail(raw: bytes, *, secret: str = MAIL_SECRET) -> int:
    """Brevo's call; the answer's status."""
    proof = {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()} if secret else {}
    return Client().post(MAIL, raw, content_type="application/json", headers=proof).status_code


def post_sms(fields: dict[str, str], *, token: str = TWILIO_TOKEN, query: str = "") -> int:
    """Twilio's call."""
    address = f"{settings.PUBLIC_URL}{SMS}{query}"
    proof = {"X-Twilio-Signature": twilio_signature(token, address, fields)} if token else {}
    form = "application/x-www-form-urlencoded"
    return Client().post(SMS + query, urlencode(fields), content_type=form, headers=proof).status_code


def post_whatsapp(raw: bytes, *, secret: str = META_SECRET) -> int:
    """Meta's call."""
    proof = {"X-Hub-Signature-256": meta_signature(secret, raw)} if secret else {}
    return Client().post(WHATSAPP, raw, content_type="application/json", headers=proof).status_code


def whatsapp_status(message_id: str, status: str, **more: Any) -> bytes:
    """Meta's body with one status."""
    one = {"id": message_id, "status": status, "timestamp": "1700000000", "recipient_id": "2348010000000", **more}
    value = {"messaging_product": "whatsapp", "statuses": [one]}
    return json.dumps({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()


def report(channel: str, message_id: str, what: str) -> int:
    """The same word by whichever channel: delivered, opened, failed, bounced."""
    if channel == Channel.EMAIL.value:
        words = {"delivered": "delivered", "opened": "unique_opened", "failed": "error", "bounced": "hard_bounce"}
        return post_mail(mail_event(message_id, words[what]))
    if channel == Channel.SMS.value:
        fields = {"delivered": ("delivered", ""), "opened": ("read", ""), "failed": ("failed", "30003")}
        status, code = fields.get(what, ("undelivered", "30005"))
        to = {"MessageSid": message_id, "MessageStatus": status, "To": "+2348010000000", "From": "+15005550006"}
        return post_sms({**to, **({"ErrorCode": code} if code else {})})
    words = {"delivered": "delivered", "opened": "read", "failed": "failed", "bounced": "failed"}
    errors = {"errors": [{"code": 131026 if what == "bounced" else 131049}]} if words[what] == "failed" else {}
    return post_whatsapp(whatsapp_status(message_id, words[what], **errors))
