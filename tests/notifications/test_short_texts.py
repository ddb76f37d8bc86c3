"""SMS and WhatsApp: every message exists, fits, and says what to do next (F37)."""

from typing import Any

import pytest

from lockbay.events.kinds import Kind
from lockbay.people.models import Contact, User
from notifications.actions.request_code import request_code
from notifications.fanout import fan_out
from notifications.models import Delivery
from notifications.rendering import render
from notifications.routing import ROUTES, Audience
from notifications.short_texts import plain_signs, short_text
from notifications.texts import units_of
from tests import cast
from tests.notifications.stories import told
from tests.notifications.test_routing import a_delivery, a_sample

pytestmark = pytest.mark.django_db(transaction=True)


def of_people() -> list[Any]:
    return [(kind, route) for kind, routes in ROUTES.items() for route in routes if route.audience != Audience.STAFF]


def of_staff() -> list[Any]:
    return [(kind, route) for kind, routes in ROUTES.items() for route in routes if route.audience == Audience.STAFF]


def plain_forms(trade: Any, kind: Kind, route: Any, channels: tuple[str, ...]) -> dict[str, Any]:
    event = told(kind, trade, **a_sample(kind, trade))
    return {
        channel: render(a_delivery(event, route.audience, route.template, channel), channel) for channel in channels
    }


def test_every_message_to_people_has_a_short_form_with_a_next_step(settings: Any) -> None:
    longest = {"sms": settings.SMS_LONGEST, "whatsapp": settings.WHATSAPP_LONGEST}
    trade = cast.a_delivered_trade()
    for kind, route in of_people():
        for channel, rendered in plain_forms(trade, kind, route, ("sms", "whatsapp")).items():
            where = f"{route.template} by {channel}: {rendered.text}"
            assert units_of(rendered.text) <= longest[channel], where
            assert rendered.text.startswith(rendered.subject), where
            assert "<" not in rendered.text, where
            assert "None" not in rendered.text, where
            assert rendered.html == "", where
            is_code = route.audience == Audience.CONTACT
            assert is_code or rendered.text.endswith(f"\n{rendered.link}"), where
            assert is_code or rendered.link.startswith("https://t.me/"), where


def test_every_message_to_staff_is_whole_and_leads_to_the_desk() -> None:
    trade = cast.a_delivered_trade()
    for kind, route in of_staff():
        for channel, rendered in plain_forms(trade, kind, route, ("slack", "pagerduty")).items():
            where = f"{route.template} by {channel}: {rendered.text}"
            assert rendered.text.endswith(f"\n{rendered.link}"), where
            assert "/admin/" in rendered.link, where


def test_a_code_survives_the_shortest_sms(settings: Any) -> None:
    settings.SMS_LONGEST = 160
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = settings.TWILIO_SENDER = "x"
    request_code(actor=cast.bea(), channel="sms", address="+2348012345678")
    fan_out()
    delivery = Delivery.objects.get(channel="sms")
    rendered = render(delivery, "sms")
    assert units_of(rendered.text) <= 160
    assert len(rendered.code) == 6
    assert rendered.code in rendered.text
    assert Contact.objects.get().address == "+2348012345678"


@pytest.mark.parametrize("longest", range(160, 700, 60))
def test_is_cut_from_the_middle_and_never_too_long(longest: int) -> None:
    happened, middle, what_next = "It happened. " * 9, "Details. " * 20, "Next step: do this. " * 5
    text = short_text("A title", [happened, middle, what_next], "https://t.me/LockBayBot", longest)
    assert units_of(text) <= longest
    assert text.startswith("A title\nIt happened.")
    assert "\nNext step: do" in text
    assert text.endswith("\nhttps://t.me/LockBayBot")


def test_a_name_of_emoji_is_not_torn() -> None:
    text = short_text("😀" * 100, [], "https://t.me/LockBayBot", 160)
    assert units_of(text) <= 160
    assert text.encode().decode() == text
    assert text.endswith("…\nhttps://t.me/LockBayBot")


def test_a_hostile_description_neither_pushes_out_the_link_nor_brings_markup(settings: Any) -> None:
    User.objects.filter(pk=cast.bea().pk).update(first_name="<b>Bea</b>\u202e" + "x" * 90)
    trade = cast.a_delivered_trade(description="😀 &lt;i&gt; " * 40)
    event = told(Kind.ESCROW_PARTY_JOINED, trade, **a_sample(Kind.ESCROW_PARTY_JOINED, trade))
    rendered = render(a_delivery(event, Audience.SELLER, "party_joined", "sms"), "sms")
    assert units_of(rendered.text) <= settings.SMS_LONGEST
    assert "\u202e" not in rendered.text
    assert rendered.text.endswith("https://t.me/LockBaySandboxBot")


# GSM 03.38 and its extension: one sign beside them makes each part of an SMS 67 characters long instead of 153.
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


def test_our_own_signs_make_no_sms_dearer(settings: Any) -> None:
    settings.SMS_LONGEST = 160  # so that it is cut as well
    trade = cast.a_delivered_trade()
    for kind, route in of_people():
        rendered = plain_forms(trade, kind, route, ("sms",))["sms"]
        assert set(rendered.text) <= GSM, f"{route.template}: {set(rendered.text) - GSM} in {rendered.text}"
        assert units_of(rendered.text) <= 160


def test_the_words_of_people_reach_the_phone_as_they_are() -> None:
    assert plain_signs("שלום 😀 “Zoë’s” – 5 · 7…") == 'שלום 😀 "Zoë\'s" - 5 - 7...'
