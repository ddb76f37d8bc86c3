"""Every kind of event says who is told, and every message exists for both sides and both channels."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from escrows.models import Escrow
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.people.models import User
from notifications.fanout import fan_out
from notifications.models import Delivery
from notifications.rendering import render
from notifications.routing import ROUTES, Audience
from notifications.texts import visible_length
from tests import cast
from tests.notifications.stories import PAID, forget_the_past, happened, has_email, lines_of, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)

WITHDRAWN: dict[str, object] = {
    "amount": "50.00 USD",
    "payout": "48.500000 USDT",
    "to": "…9f3c",
    "rail": "kraken",
    "asset": "USDT",
    "network": "TRC20",
    "usable_at": "2026-11-23T10:00:00+00:00",
    "provider_reference": "AGBSO6T-UFMTTQ-I7KGS6",
    "outcome": "completed",
    "minutes": 6,
    "reason": "the books were checked",
    "why": "the account number is not known there",
}
SAMPLES: dict[Kind, dict[str, object]] = {
    Kind.ESCROW_PAYMENT_CONFIRMED: PAID,
    Kind.ESCROW_PAYMENT_SHORT: {
        "received": "10.00 USDT",
        "value": "10.00 USD",
        "expected": "21.00 USD",
        "missing": "11.00 USD",
        "held": "10.00 USD",
        "choose_by": "2026-11-23T10:00:00+00:00",
    },
    Kind.ESCROW_LESS_ASKED: {
        "held": "10.00 USD",
        "price_before": "20.00 USD",
        "price_now": "9.52 USD",
        "fee_now": "0.48 USD",
        "net_before": "20.00 USD",
        "net_now": "9.52 USD",
        "choose_by": "2026-11-23T10:00:00+00:00",
    },
    Kind.ESCROW_LESS_REFUSED: {
        "held": "10.00 USD",
        "missing": "11.00 USD",
        "choose_by": "2026-11-23T10:00:00+00:00",
    },
    Kind.ESCROW_SHORT_TAKEN_BACK: {"buyer_gets": "10.00 USD"},
    Kind.ESCROW_PAYMENT_LATE: {"received": "21.00 USDT", "value": "21.00 USD", "status": "expired"},
    Kind.ESCROW_PAYMENT_VANISHED: {"value": "10.00 USD", "status": "payment_pending", "was_asked": True},
    Kind.ESCROW_FROZEN: {
        "received": "21.00 USDT",
        "value": "21.00 USD",
        "taken": "21.00 USD",
        "from_available": "0.00 USD",
        "debt": "0.00 USD",
        "missing": "21.00 USD",
        "status": "active",
        "is_release_stopped": True,
        "deposit_reference": "tx-1",
    },
    Kind.ESCROW_REFILLED: {"received": "9.00 USDT", "value": "9.00 USD", "missing": "12.00 USD"},
    Kind.ESCROW_UNFROZEN: {
        "received": "21.00 USDT",
        "value": "21.00 USD",
        "credited": "0.00 USD",
        "is_again": False,
        "extended_by": 18_000,
        "deposit_reference": "tx-2",
    },
    Kind.ESCROW_COMPLETED: {"seller_gets": "20.00 USD", "fee": "1.00 USD", "reason": "buyer_released"},
    Kind.ESCROW_REFUNDED: {"buyer_gets": "21.00 USD", "reason": "seller_declined"},
    Kind.ESCROW_CANCELLED: {"reason": "buyer_cancelled"},
    Kind.ESCROW_EXPIRED: {"reason": "unpaid"},
    Kind.USER_CREDITED: {"money": "5.00 USD", "account": "available"},
    Kind.DEBT_FORGIVEN: {"forgiven": "5.00 USD", "left": ""},
    Kind.REPAIR_PROPOSED: {"amount": "300.00 USD", "repair": "credit_user", "name": "Bea #12"},
    Kind.REPAIR_REFUSED: {"amount": "300.00 USD", "repair": "credit_user", "name": "Bea #12"},
    Kind.INCIDENT_ACKNOWLEDGED: {"alert": "inbox.parked", "count": 3, "note": ""},
    Kind.INCIDENT_CLOSED: {"alert": "inbox.parked", "count": 3, "reason": ""},
    Kind.INCIDENT_ESCALATED: {
        "alert": "inbox.parked",
        "alert_template": "staff_inbox_parked",
        "count": 3,
        "minutes": 15,
        "escalation": 1,
        "is_last": False,
    },
    Kind.STAFF_ALERTS_HELD_BACK: {
        "channel": "slack",
        "lane": "alerts",
        "limit": 20,
        "until": "2026-11-23T10:00:00+00:00",
        "held_back": 4,
    },
    Kind.PAYOUT_WAITS: {"rail": "kraken", "said": "rate_limit", "tries": 2, "status": "processing"},
    Kind.PAYOUT_CONTRADICTED: {"rail": "kraken", "said": "Success", "tries": 1, "status": "failed"},
    Kind.PAYOUT_BALANCE_LOW: {"rail": "kraken", "balance": "7.000000 USDT", "limit": "100.000000 USDT"},
    Kind.STAFF_TEST: {"process": "bot"},
    Kind.STAFF_DIGEST: {
        "day": "2026-11-21",
        "payments": 3,
        "payments_sums": ["0.00210000 BTC", "42.000000 USDT"],
        "top_ups": 0,
        "top_ups_sums": [],
        "completed": 2,
        "refunded": 1,
        "withdrawn": 1,
        "withdrawals_failed": 0,
        "withdrawals_reversed": 0,
        "failed_messages": 1,
        "something_waits": True,
        "withdrawals_waiting": 2,
        "incidents": 2,
        "incidents_untaken": 1,
        "proof": "green",
        "proof_age": 840,
    },
    Kind.JOB_STALLED: {"job": "fan_out", "reason": "last succeeded 2026-11-22 10:00 UTC"},
    **{kind: WITHDRAWN for kind in Kind if kind.value.startswith(("withdrawal.", "destination.", "payouts."))},
}


def all_routes() -> list[tuple[Kind, Audience, str]]:
    return [(kind, route.audience, route.template) for kind, routes in ROUTES.items() for route in routes]


def test_every_kind_has_its_line() -> None:
    assert set(ROUTES) == set(Kind)


def test_every_template_exists_and_none_is_forgotten() -> None:
    named = {template for _kind, _audience, template in all_routes()}
    found = {path.stem for path in Path(settings.BASE_DIR, "templates", "notices").glob("*.html")}
    assert named == found


@pytest.mark.parametrize(("kind", "audience", "template"), all_routes(), ids=lambda value: str(value))
@pytest.mark.parametrize("channel", ["telegram", "email"])
def test_every_message_reads_well(kind: Kind, audience: Audience, template: str, channel: str) -> None:
    trade = cast.a_delivered_trade()
    event = told(kind, trade, **a_sample(kind, trade))
    rendered = render(a_delivery(event, audience, template, channel), channel)
    assert rendered.template == template
    assert rendered.escrow == trade
    assert rendered.subject
    assert "\n" not in rendered.subject
    for text in (rendered.subject, rendered.text, rendered.html):
        assert "{{" not in text
        assert "None" not in text
        assert "  " not in rendered.subject
        assert " ." not in text.replace("  ", "")
    if channel == "telegram":
        assert visible_length(rendered.html) <= 4096
        assert "<p" not in rendered.html
        assert rendered.text.count("\n\n\n") == 0
    else:
        assert "<h1" in rendered.html
        assert "LockBay" in rendered.text


def a_sample(kind: Kind, trade: object) -> dict[str, object]:
    moment = clock.now().replace(microsecond=0).isoformat()
    always = {
        "user_id": cast.bea().pk,
        "contact_id": 1,
        "deadline": "acceptance",
        "deadline_at": moment,
        "lead_minutes": 30,
    }
    return {**always, "value": "5.00 USD", "received": "5.000000 USDT", **SAMPLES.get(kind, {})}


def a_delivery(event: object, audience: Audience, template: str, channel: str) -> Delivery:
    people: dict[str, User | None] = {
        "buyer": cast.bea(),
        "seller": cast.sol(),
        "user": cast.bea(),
        "contact": cast.bea(),
        "staff": None,
    }
    suffix = {"staff": ":olu@lockbay.example", "contact": ":1"}.get(audience.value, "")
    return Delivery(
        event=event,
        recipient=people[audience.value],
        audience=f"{audience.value}{suffix}",
        channel=channel,
        template=template,
        priority=0,
    )


def test_tells_buyer_seller_and_staff_of_a_confirmed_payment() -> None:
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **PAID)
    assert lines_of(event) == {
        ("buyer", "telegram", "payment_confirmed"),
        ("seller", "telegram", "trade_offered"),
        ("staff:olu@lockbay.example", "email", "staff_payment_confirmed"),
    }


def test_does_not_write_to_the_one_who_did_it() -> None:
    event = told(Kind.ESCROW_CANCELLED, cast.an_agreement(), actor=cast.bea(), reason="buyer_cancelled")
    assert lines_of(event) == {("seller", "telegram", "trade_cancelled")}


def test_writes_to_both_when_the_clock_did_it() -> None:
    event = told(Kind.ESCROW_EXPIRED, cast.an_agreement(), reason="unpaid")
    assert {audience for audience, _channel, _template in lines_of(event)} == {"buyer", "seller"}


@pytest.mark.parametrize("trade", [cast.an_agreement, cast.a_paid_trade])
def test_a_seller_who_joins_sees_the_offer_on_the_screen_and_gets_no_second_one(trade: Callable[[], Escrow]) -> None:
    event = told(Kind.ESCROW_PARTY_JOINED, trade(), actor=cast.sol(), side="seller")
    assert lines_of(event) == {("buyer", "telegram", "party_joined")}


def test_the_offer_goes_out_once_when_the_seller_joins_and_the_payment_comes_before_anybody_was_told() -> None:
    paid = cast.a_paid_trade()
    forget_the_past()
    happened(Kind.ESCROW_PARTY_JOINED, paid, actor=cast.sol(), side="seller")
    happened(Kind.ESCROW_PAYMENT_CONFIRMED, paid, **PAID)
    fan_out()
    assert Delivery.objects.filter(template="trade_offered").count() == 1


def test_a_buyer_whom_no_seller_has_joined_is_warned_before_the_time_to_accept_ends() -> None:
    near = {"deadline": "acceptance", "deadline_at": clock.now().isoformat(), "lead_minutes": 120}
    event = told(Kind.ESCROW_DEADLINE_NEAR, cast.an_offer(), **near)
    assert lines_of(event) == {("buyer", "telegram", "deadline_near_buyer")}
    assert "send the invite link" in render(the_delivery(event, "buyer"), "telegram").text


def test_sends_nothing_to_a_side_that_nobody_has() -> None:
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.an_offer(), **PAID)
    assert {audience for audience, _channel, _template in lines_of(event)} == {"buyer", "staff:olu@lockbay.example"}


def test_staff_are_told_of_a_payment_even_when_the_buyer_cannot_be(settings: object) -> None:
    buyer = cast.bea()
    trade = cast.a_paid_trade()
    User.objects.filter(pk=buyer.pk).update(blocked_bot_at=clock.real_now())
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    assert ("staff:olu@lockbay.example", "email", "staff_payment_confirmed") in lines_of(event)
    assert Delivery.objects.get(event=event, audience="buyer").state == "failed"


def test_goes_straight_to_email_when_the_bot_is_blocked() -> None:
    trade = cast.a_paid_trade()
    has_email(cast.bea())
    User.objects.filter(pk=cast.bea().pk).update(blocked_bot_at=clock.real_now())
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    assert ("buyer", "email", "payment_confirmed") in lines_of(event)


@pytest.mark.parametrize(
    ("deadline", "side"),
    [
        ("offer", "buyer"),
        ("payment", "buyer"),
        ("acceptance", "seller"),
        ("delivery", "seller"),
        ("inspection", "buyer"),
    ],
)
def test_reminds_the_side_that_can_still_act(deadline: str, side: str) -> None:
    near = {"deadline": deadline, "deadline_at": clock.now().isoformat(), "lead_minutes": 30}
    event = told(Kind.ESCROW_DEADLINE_NEAR, cast.an_agreement(), **near)
    assert lines_of(event) == {(side, "telegram", f"deadline_near_{side}")}


def test_both_hear_once_that_the_time_to_deliver_is_over_and_what_they_can_do() -> None:
    trade = cast.an_active_trade()
    over = {"deadline": "delivery", "deadline_at": "2026-11-23T14:05:00+00:00", "lead_minutes": 0}
    event = told(Kind.ESCROW_DEADLINE_NEAR, trade, **over)
    assert lines_of(event) == {
        ("buyer", "telegram", "delivery_overdue_buyer"),
        ("seller", "telegram", "delivery_overdue_seller"),
    }
    text = render(the_delivery(event, "buyer"), "telegram").text
    assert "until 23 Nov 2026, 14:05 UTC" in text
    assert "cancel and get all your 21.00 USD back" in text
