"""A message that waited is not sent when what it asks for has been done meanwhile; receipts always are."""

from typing import Any

import pytest

from escrows.actions.accept import accept_escrow
from escrows.actions.refuse_less import refuse_less
from escrows.models import Escrow
from lockbay import clock
from lockbay.events.kinds import Kind
from notifications.fanout import fan_out
from notifications.models import Attempt, Delivery
from notifications.outbound import send_due
from notifications.overtaken import is_overtaken
from notifications.sending import claim, skip_overtaken
from tests import cast
from tests.escrows.deposits import a_deposit, credit
from tests.escrows.test_short_payments import a_short_trade, asked, offer_of, taken_back
from tests.notifications.mail_wires import Scripted
from tests.notifications.stories import PAID, has_email, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)


def near(deadline: str) -> dict[str, Any]:
    return {"deadline": deadline, "deadline_at": clock.now().isoformat(), "lead_minutes": 30}


def test_an_offer_is_not_made_once_the_seller_has_accepted() -> None:
    trade = cast.a_paid_trade()
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    assert not is_overtaken(the_delivery(event, "seller"))
    accept_escrow(actor=cast.sol(), escrow_id=trade.pk)
    assert is_overtaken(the_delivery(event, "seller"))
    assert not is_overtaken(the_delivery(event, "buyer"))


@pytest.mark.parametrize(
    ("build", "deadline", "side"),
    [
        (cast.a_paid_trade, "acceptance", "seller"),
        (cast.an_active_trade, "delivery", "seller"),
        (cast.a_delivered_trade, "inspection", "buyer"),
        (cast.a_waiting_trade, "payment", "buyer"),
    ],
)
def test_a_warning_is_looked_at_again_when_it_fires(build: Any, deadline: str, side: str) -> None:
    event = told(Kind.ESCROW_DEADLINE_NEAR, build(), **near(deadline))
    assert not is_overtaken(the_delivery(event, side))
    late = told(Kind.ESCROW_DEADLINE_NEAR, cast.a_trade_in("completed"), **near(deadline))  # type: ignore[arg-type]
    assert is_overtaken(the_delivery(late, side))


def test_it_ends_as_skipped_without_a_try_and_opens_no_other_channel() -> None:
    has_email(cast.bea())
    trade = cast.a_delivered_trade()
    event = told(Kind.ESCROW_DELIVERED, trade, actor=cast.sol())
    cast.released(trade)
    (claimed,) = [one for one in claim("telegram", 9) if one.delivery.event_id == event.pk]
    assert skip_overtaken(claimed)
    row = Delivery.objects.get(event=event)
    assert (row.state, row.error, row.attempts, row.fallback_at) == ("skipped", "the trade has moved on", 0, None)
    assert not Attempt.objects.filter(delivery=row).exists()


def test_mail_is_looked_at_too(mail_server: type[Scripted]) -> None:
    has_email(cast.bea())
    cast.bea().__class__.objects.filter(pk=cast.bea().pk).update(blocked_bot_at=clock.real_now())
    trade = cast.a_delivered_trade()
    event = told(Kind.ESCROW_DELIVERED, trade, actor=cast.sol())
    cast.released(trade)
    send_due()
    assert the_delivery(event, "buyer", "email").state == "skipped"
    assert mail_server.taken == []


def said(trade: Escrow, template: str) -> Delivery:
    """The newest message of that name about the trade."""
    fan_out()
    return Delivery.objects.filter(event__subject_id=trade.pk, template=template).latest("pk")


def test_nobody_who_has_accepted_is_awaited_and_no_second_payment_is_asked_for() -> None:
    event = told(Kind.ESCROW_PARTY_JOINED, cast.an_active_trade(), actor=cast.sol(), side="seller")
    assert is_overtaken(the_delivery(event, "buyer"))


def test_what_is_missing_is_said_only_while_it_is_still_that_much() -> None:
    trade = a_short_trade()
    first = said(trade, "payment_short")
    assert not is_overtaken(first)
    credit(a_deposit(trade, "5.00"))
    assert is_overtaken(first)
    assert not is_overtaken(said(trade, "payment_short"))


def test_a_question_to_the_seller_is_asked_only_while_it_waits_for_him() -> None:
    trade = asked(a_short_trade())
    question = said(trade, "less_asked")
    assert not is_overtaken(question)
    taken_back(trade)
    assert is_overtaken(question)
    assert is_overtaken(said(trade, "payment_short"))


def test_money_that_was_taken_back_is_not_said_to_be_kept() -> None:
    trade = asked(a_short_trade())
    refuse_less(actor=cast.sol(), escrow_id=trade.pk, digest=offer_of(trade).digest)
    refused = said(trade, "less_refused")
    assert not is_overtaken(refused)
    taken_back(trade)
    assert is_overtaken(refused)


def test_a_warning_that_asks_for_the_whole_is_not_sent_once_a_part_came() -> None:
    trade = cast.a_waiting_trade()
    event = told(Kind.ESCROW_DEADLINE_NEAR, trade, **near("payment"))
    assert not is_overtaken(the_delivery(event, "buyer"))
    credit(a_deposit(trade, "10.00"))
    assert is_overtaken(the_delivery(event, "buyer"))
    kept = told(Kind.ESCROW_DEADLINE_NEAR, trade, **near("payment"), kept="10.00 USD", missing="11.00 USD")
    assert not is_overtaken(the_delivery(kept, "buyer"))
