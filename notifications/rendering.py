"""A delivery as a message: one notice for all channels, in the recipient's language, at the time of sending (N7).

templates/notices/<template>.html is the message in Telegram's HTML; its first paragraph is the title. E-mail puts the
same paragraphs into templates/email/layout.html and its text twin; SMS and WhatsApp get what fits of them with a link,
Slack and PagerDuty all of them as plain text: no sentence is written twice, twins cannot differ.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.safestring import mark_safe

from escrows.errors import SnapshotMalformed
from escrows.fees import Pricing
from escrows.models import Escrow
from lockbay import clock
from lockbay.events.models import Event
from lockbay.people.models import Channel, Contact, User
from notifications import alert_limits
from notifications.codes import code_of, is_open
from notifications.models import Delivery
from notifications.short_texts import plain_signs, short_text, sms_text
from notifications.texts import TELEGRAM_LONGEST, clean_name, clean_text, cut_kindly, paragraphs_of, plain_text
from wallets.models import Withdrawal

_REFERENCE_LONGEST = 16  # an id of ours as it is; of a longer one, enough to find it
_DESCRIPTION_LONGEST = 200
_STAFF_LONGEST = 4000
_WHATSAPP = Channel.WHATSAPP.value


@dataclass(frozen=True)
class Rendered:
    """`html` is Telegram's HTML for Telegram, a whole page for e-mail, else ""; `text` is the plain form; `subject` is
    one line.

    `escrow`, `user` and `template` let the bot choose the buttons. `link` leads to the desk (staff) or the bot; `code`
    is the code of a message that proves an address.
    """

    subject: str
    html: str
    text: str
    escrow: Escrow | None
    user: User | None
    template: str
    link: str = ""
    code: str = ""


@dataclass(frozen=True)
class About:
    """What the texts say of a message's subject, besides its event. `why` is somebody's reason, of withdrawals only;
    `held_back` how many messages to staff were, until now."""

    escrow: Escrow | None = None
    why: str | None = None
    code: str = ""
    now: datetime | None = None  # a preview's moment; else the time of rendering
    held_back: int | None = None


def read_about(delivery: Delivery) -> About:
    """As it is now."""
    return About(_escrow_of(delivery), _why(delivery), _code(delivery), held_back=_held_back(delivery))


def render(
    delivery: Delivery, channel: str, *, longest: int = TELEGRAM_LONGEST, about: About | None = None, language: str = ""
) -> Rendered:
    """The message of `delivery` for `channel`; `longest`, in UTF-16 units, holds for Telegram (1024 for captions).

    A preview makes `about` up, so that nothing is read, and chooses the `language`; else it is the recipient's.
    """
    user, about = delivery.recipient, about or read_about(delivery)
    escrow = about.escrow
    with translation.override(language or (user.language if user else settings.LANGUAGE_CODE)):
        context = _context(delivery, about, user)
        paragraphs = paragraphs_of(render_to_string(f"notices/{delivery.template}.html", context))
        subject = _subject(paragraphs[0], context)
        subject = plain_signs(subject) if channel == Channel.SMS.value else subject
        link = context["desk_link"] if delivery.is_for_staff else context["bot_link"]
        if channel == Channel.EMAIL.value:
            html, text = _mail(paragraphs, {**context, "subject": subject})
        elif channel == Channel.TELEGRAM.value:
            html = cut_kindly(paragraphs, longest)
            text = plain_text(html)
        else:
            html, text = "", _plain(channel, subject, paragraphs, "" if context["code"] else link)
    return Rendered(subject, html, text, escrow, user, delivery.template, link, context["code"])


def _plain(channel: str, subject: str, paragraphs: list[str], link: str) -> str:
    """The form without markup: short for phones, whole for the staff's channels."""
    rest = [plain_text(part) for part in paragraphs[1:]]
    if channel == Channel.SMS.value:
        return sms_text(subject, rest, link, settings.SMS_LONGEST)
    return short_text(subject, rest, link, settings.WHATSAPP_LONGEST if channel == _WHATSAPP else _STAFF_LONGEST)


def _mail(paragraphs: list[str], context: dict[str, Any]) -> tuple[str, str]:
    title = plain_text(paragraphs[0])
    page = {
        **context,
        "title": title,
        # The notice is the output of an autoescaped template: its markup is ours, its text is escaped.
        "paragraphs": [mark_safe(part.replace("\n", "<br>")) for part in paragraphs[1:]],  # noqa: S308
        "plain_paragraphs": [plain_text(part) for part in paragraphs[1:]],
    }
    text = render_to_string("email/layout.txt", page)
    return render_to_string("email/layout.html", page), "\n\n".join(paragraphs_of(text)) + "\n"


def _context(delivery: Delivery, about: About, user: User | None) -> dict[str, Any]:
    event, escrow = delivery.event, about.escrow
    facts = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in event.data.items()
    }
    return {
        **facts,
        **_escrow_context(escrow, delivery),
        **({} if about.why is None else {"why": clean_text(about.why, _DESCRIPTION_LONGEST)}),
        **({} if about.held_back is None else {"held_back": about.held_back}),
        "facts": {} if event.subject_type == "house" else facts,  # what the house says of itself is all words
        "kind": event.kind,
        "happened_at": event.at,
        "actor_side": _side_of(escrow, event.actor_id),
        "viewer": delivery.audience.partition(":")[0],
        "recipient_name": name_of(user),
        "channel": delivery.channel,
        "code": about.code,
        "now": about.now or clock.now(),
        "support_ref": event.correlation_id[:_REFERENCE_LONGEST] or f"E{event.pk}",
        "support_contact": settings.SUPPORT_CONTACT,
        "bot_link": settings.SANDBOX_URL if settings.SANDBOX else f"https://t.me/{settings.TELEGRAM_BOT_USERNAME}",
        "desk_link": _desk_link(delivery),
        "is_sandbox": settings.SANDBOX,
    }


def _escrow_context(escrow: Escrow | None, delivery: Delivery) -> dict[str, Any]:
    if escrow is None:
        return {}
    other = escrow.seller if delivery.audience == "buyer" else escrow.buyer
    return {
        "escrow": escrow,
        "public_id": escrow.public_id,
        "price": str(escrow.price),
        "accept_hours": int(settings.ACCEPT_WINDOW.total_seconds() // 3600),
        "description": clean_text(escrow.description, _DESCRIPTION_LONGEST),
        "buyer_name": name_of(escrow.buyer),
        "seller_name": name_of(escrow.seller),
        "other_name": name_of(other),
        **_pricing_context(escrow),
    }


def _why(delivery: Delivery) -> str | None:
    """Why it was refused or failed, in somebody's words: kept with the withdrawal, never in its events."""
    event = _told_event(delivery)
    if event.subject_type != "withdrawal":
        return None
    return Withdrawal.objects.filter(pk=event.subject_id).values_list("reason", flat=True).first() or ""


def _told_event(delivery: Delivery) -> Event:
    """What happened; of an alert that is repeated, because nobody took its incident on, what was told first."""
    if delivery.event.subject_type == "incident" and delivery.incident is not None:
        return delivery.incident.first_event
    return delivery.event


def _held_back(delivery: Delivery) -> int | None:
    event = delivery.event
    return alert_limits.held_back(event.subject_id) if event.subject_type == "alert_window" else None


def name_of(user: User | None) -> str:
    """How a person is called in a message; a name of nothing visible is not used. "" for nobody."""
    if user is None:
        return ""
    return clean_name(user.display_name) or clean_name(f"@{user.telegram_username}").strip("@") or f"#{user.pk}"


def _pricing_context(escrow: Escrow) -> dict[str, str]:
    try:
        pricing = Pricing.of(escrow)
    except SnapshotMalformed:
        return {}  # the notice then says what it can without amounts; the breach has its own alert
    return {
        "fee": str(pricing.fee),
        "seller_fee": str(pricing.seller_fee),
        "buyer_total": str(pricing.buyer_total),
        "seller_net": str(pricing.seller_net),
    }


def _escrow_of(delivery: Delivery) -> Escrow | None:
    event = _told_event(delivery)
    if event.subject_type != "escrow":
        return None
    return Escrow.objects.select_related("buyer", "seller").filter(pk=event.subject_id).first()


def _side_of(escrow: Escrow | None, user_id: int | None) -> str:
    if escrow is None or user_id is None:
        return ""
    return {escrow.buyer_id: "buyer", escrow.seller_id: "seller"}.get(user_id, "")


def _code(delivery: Delivery) -> str:
    if delivery.template != "contact_code":
        return ""
    contact = Contact.objects.filter(pk=delivery.audience.partition(":")[2]).first()
    return code_of(contact) if contact and is_open(contact) else ""


def _subject(title: str, context: dict[str, Any]) -> str:
    """The title without its sign, and the trade's id when the title does not name it; one line."""
    subject = " ".join(plain_text(title.partition("<b>")[2]).split())
    public_id = str(context.get("public_id") or "")
    return subject if not public_id or public_id in subject else f"{subject} · {public_id}"


# Where staff look at the subject of an event.
_DESK_PAGES = {
    "escrow": "escrows_escrow",
    "inbox": "payments_inboxevent",
    "deposit": "payments_deposit",
    "delivery": "notifications_delivery",
    "operation": "wallets_operation",
    "repair": "wallets_repair",
    "ledger_check": "wallets_ledgercheck",
    "withdrawal": "wallets_withdrawal",
    "destination": "wallets_destination",
    "payout_attempt": "payments_payoutattempt",
    "rail": "payments_railbalance",
    "job": "lockbay_jobrun",
    "incident": "notifications_incident",
}


def _desk_link(delivery: Delivery) -> str:
    if not delivery.is_for_staff:
        return ""
    subject, subject_id = delivery.event.subject_type, delivery.event.subject_id
    if delivery.incident_id is not None:  # where it is taken on; from there a link leads to what it is about
        subject, subject_id = "incident", delivery.incident_id
    return f"{settings.PUBLIC_URL}{desk_page(subject, subject_id)}"


def desk_page(subject_type: str, subject_id: int) -> str:
    """The path of the desk's page about a subject; its front page when there is none."""
    if subject_type == "alert_window":
        return reverse("admin:notifications_incident_changelist")
    name = _DESK_PAGES.get(subject_type, "")
    try:
        return reverse(f"admin:{name}_change", args=[subject_id])
    except NoReverseMatch:
        return reverse("admin:index")
