"""What people read: variance (E9), hostile names (F37), the sandbox's mark."""

import html
from html.parser import HTMLParser

import pytest
from django.conf import LazySettings

from escrows.models import Escrow
from lockbay.events.kinds import Kind
from lockbay.people.models import User
from notifications.rendering import Rendered, render
from notifications.texts import clean_name, cut_kindly, visible_length
from tests import cast
from tests.notifications.stories import PAID, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = [
    "<b>Bea</b><script>alert(1)</script>",
    "</b></code>&lt;&amp;",
    "*_Bea_* [x](tg://user?id=1) `code`",
    "\u202eaeB\u202c\u2066\u200b\u200d\ufeff",
    "שרה כהן",
    "👨‍👩‍👧‍👦" * 37,
    "A" * 150,
    "Bea\r\nBcc: all@example.org",
    "{{ secret }}{% load x %}",
]


def payment_message(channel: str = "telegram", **facts: object) -> Rendered:
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **{**PAID, **facts})
    return render(the_delivery(event, "buyer"), channel)


def test_explains_a_large_excess_in_full_with_both_amounts() -> None:
    facts = {"received": "22.50 USDT", "value": "22.50 USD", "difference": "1.50 USD", "credited": "1.50 USD"}
    text = payment_message(variance="over", message_level="full", **facts).text
    assert "We received 22.50 USDT, worth 22.50 USD." in text
    assert "1.50 USD more than the 21.00 USD that was asked" in text
    assert "extra 1.50 USD is yours" in text


def test_explains_a_gap_that_lockbay_covers() -> None:
    facts = {"received": "20.40 USDT", "value": "20.40 USD", "difference": "0.60 USD"}
    text = payment_message(variance="short_within", message_level="full", **facts).text
    assert "0.60 USD less than the 21.00 USD that was asked" in text
    assert "you owe nothing" in text


def test_calls_a_small_difference_normal_and_still_names_the_credit() -> None:
    text = payment_message(variance="over", message_level="minor", difference="0.07 USD", credited="0.07 USD").text
    assert "0.07 USD is minor and normal for crypto" in text
    assert "0.07 USD is in your LockBay wallet" in text


def test_does_not_speak_of_a_cent() -> None:
    text = payment_message(variance="over", message_level="none", difference="0.01 USD", credited="0.01 USD").text
    assert "0.01" not in text
    assert "difference" not in text


def test_says_by_when_and_how_long_that_is() -> None:
    text = payment_message().text
    assert " UTC (in 1 day)" in text or " UTC (in 23 hours, 59 minutes)" in text


def _named(name: str, description: str = "A lamp") -> Escrow:
    trade = cast.a_paid_trade()
    User.objects.filter(pk=trade.buyer_id).update(first_name=name[:150])
    Escrow.objects.filter(pk=trade.pk).update(description=(description or "x")[:500])
    return trade


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
@pytest.mark.parametrize("channel", ["telegram", "email"])
def test_hostile_names_arrive_escaped_and_whole(name: str, channel: str) -> None:
    trade = _named(name, description=name * 9)
    rendered = render(the_delivery(told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID), "seller"), channel)
    assert "<script" not in rendered.html
    assert "\n" not in rendered.subject
    assert "\r" not in rendered.subject
    assert not set("\u202e\u2066\u200b\ufeff") & set(rendered.html + rendered.subject + rendered.text)
    assert html.escape(clean_name(name[:150]) or "bea_on_telegram") in rendered.html
    if channel == "telegram":
        _require_telegram_html(rendered.html)
        assert visible_length(rendered.html) <= 4096


def test_a_name_of_nothing_visible_still_names_somebody() -> None:
    trade = _named("\u200b\u202e")
    rendered = render(the_delivery(told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID), "seller"), "telegram")
    assert rendered.subject.startswith("bea_on_telegram has paid")


def test_a_caption_is_cut_at_a_paragraph_and_stays_well_formed() -> None:
    trade = _named("Bea", description="word " * 100)
    rendered = render(
        the_delivery(told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID), "seller"), "telegram", longest=400
    )
    assert visible_length(rendered.html) <= 400
    assert rendered.html.endswith("…")
    _require_telegram_html(rendered.html)


def test_one_endless_paragraph_is_cut_inside_without_breaking_an_emoji() -> None:
    text = cut_kindly(["<b>" + "😀" * 3000 + "</b>"], 4096)
    assert visible_length(text) <= 4096
    text.encode()
    _require_telegram_html(text)


def test_the_sandbox_is_marked_in_every_mail(settings: LazySettings) -> None:
    settings.SANDBOX = True
    rendered = payment_message("email")
    assert "SANDBOX" in rendered.html
    assert "SANDBOX" in rendered.text


class _Strict(HTMLParser):
    allowed = frozenset({"b", "i", "code", "a"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in self.allowed
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _require_telegram_html(text: str) -> None:
    parser = _Strict()
    parser.feed(text)
    assert parser.open == []


def test_a_short_payment_says_what_is_kept_what_is_missing_and_until_when() -> None:
    facts = {"received": "14.70 USDT", "value": "14.70 USD", "expected": "21.00 USD", "missing": "6.30 USD"}
    until = "2026-11-23T14:05:00+00:00"
    event = told(Kind.ESCROW_PAYMENT_SHORT, cast.a_waiting_trade(), **facts, held="14.70 USD", choose_by=until)
    text = render(the_delivery(event, "buyer"), "telegram").text
    assert "14.70 USD came in: 6.30 USD is missing" in text
    assert "14.70 USD is kept for this trade" in text
    assert "pay the missing 6.30 USD by 23 Nov 2026, 14:05 UTC" in text
    assert "came before" not in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("expired", "The time to pay trade"),
        ("cancelled", "had been cancelled"),
        ("refunded", "had been refunded"),
        ("payment_confirmed", "was paid already"),
        ("completed", "was paid already"),
    ],
)
def test_money_that_pays_no_trade_is_explained_by_what_the_trade_was(status: str, words: str) -> None:
    facts = {"received": "21.00 USDT", "value": "21.00 USD", "status": status}
    event = told(Kind.ESCROW_PAYMENT_LATE, cast.an_agreement(), **facts)
    text = render(the_delivery(event, "buyer"), "telegram").text
    assert words in text
    assert ("late" in text) is (status in {"expired", "cancelled", "refunded"})
    assert "21.00 USD is in your LockBay wallet" in text


def test_a_payment_from_the_wallet_is_not_called_received() -> None:
    trade = cast.a_paid_trade()
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, actor=cast.bea(), **{**PAID, "received": "21.00 USD"})
    text = render(the_delivery(event, "buyer"), "telegram").text
    assert "21.00 USD was taken from your LockBay wallet" in text
    assert "received" not in text


def test_staff_read_what_came_and_what_had_come_before() -> None:
    facts = {**PAID, "received": "6.30 USDT", "value": "21.00 USD", "earlier": "14.70 USD"}
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **facts)
    text = render(the_delivery(event, "staff:olu@lockbay.example", "email"), "email").text
    assert "6.30 USDT at" in text
    assert "with the 14.70 USD that came before, that is worth 21.00 USD" in text


@pytest.mark.parametrize(
    "name", ["\u200d\u200d", "\u3164", "\uffa0\u115f", "\u2800", "\ufe0f", "\u0301\u0301", "\u00a0"]
)
def test_a_name_of_letters_that_show_nothing_is_no_name(name: str) -> None:
    assert clean_name(name) == ""


@pytest.mark.parametrize("name", ["Zoë", "ज़ोई", "佐藤", "Ⅻ", "👨‍👩‍👧", "é", "$", "ㅎㅎ"])
def test_a_name_that_shows_something_stays_as_it_is(name: str) -> None:
    assert clean_name(name) == name


def test_marks_piled_on_a_letter_do_not_cover_the_lines_around_it() -> None:
    assert clean_name("Z" + "\u0301" * 40 + "oe") == "Z" + "\u0301" * 3 + "oe"


def test_who_joins_an_unpaid_trade_is_not_said_to_be_owed_twice() -> None:
    event = told(Kind.ESCROW_PARTY_JOINED, cast.a_waiting_trade(), actor=cast.sol(), side="seller")
    text = render(the_delivery(event, "buyer"), "telegram").text
    assert "Next step: pay 21.00 USD in all, if you have not yet." in text


def test_a_receipt_that_comes_late_does_not_promise_what_is_over() -> None:
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.an_active_trade(), **PAID)
    text = render(the_delivery(event, "buyer"), "telegram").text
    assert "Payment confirmed: 21.00 USD is held safe" in text
    assert "to accept" not in text
    assert "open it to see how it stands" in text
