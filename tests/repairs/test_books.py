"""Credits, debts and reversals by hand: from a named account, within what is there, and nothing that others rely on."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from payments.actions.apply_event import drain
from tests import cast
from tests.cast import bea, give, olu, usd, wallet_of
from tests.payments.money_in import an_intent, raw_of, stored
from tests.repairs.stories import Mending, a_credit, a_debt, everything
from tests.withdrawals.debtors import owes
from tests.withdrawals.stories import a_request, ada
from wallets.accounts import CREDIT, LOSSES, SUSPENSE, platform_account
from wallets.actions.confirm_repair import confirm_repair
from wallets.debts import debt_of
from wallets.errors import RepairChanged, RepairRefused
from wallets.models import Operation
from wallets.queries import balance_of

pytestmark = pytest.mark.django_db(transaction=True)


def credit(**changes: str) -> Mending:
    given = {"amount": "5.00", "source": "losses", "target": "available", **changes}
    return Mending("credit_user", "user", bea().pk, given, bea())


def reverse(operation: Operation) -> Mending:
    return Mending("reverse_operation", "operation", operation.pk, {}, bea())


def test_a_credit_names_its_source_and_is_told_to_the_person() -> None:
    credit(target="credit").ask(olu())
    assert (wallet_of(bea(), CREDIT), balance_of(platform_account(LOSSES, "USD"))) == (usd("5.00"), -usd("5.00"))
    fact = Event.objects.get(kind=Kind.USER_CREDITED)
    assert fact.data == {"user_id": bea().pk, "money": "5.00 USD", "account": "credit", "source": "losses"}


def test_two_credits_are_two() -> None:
    a_credit().ask(olu())
    a_credit().ask(olu())
    assert wallet_of(bea()) == usd("25.00")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"amount": "0"}, "amount_malformed"),
        ({"amount": "-5"}, "amount_malformed"),
        ({"amount": "5.001"}, "amount_malformed"),
        ({"source": "clearing"}, "choose_account"),
        ({"source": ""}, "choose_account"),
        ({"target": "held"}, "choose_account"),
        ({"source": SUSPENSE}, "suspense_too_little"),
    ],
)
def test_a_credit_that_cannot_be_is_refused(changes: dict[str, str], refusal: str) -> None:
    before = everything()
    with pytest.raises(RepairRefused, match=refusal):
        credit(**changes).look(olu())
    assert everything() == before


def test_a_credit_to_somebody_in_debt_shows_that_it_goes_to_the_debt() -> None:
    owes(bea(), "3.00")
    shown = credit().look(olu())
    assert [entry.operation for entry in shown.entries].count("debt_collected") == 2
    assert (shown.amount, list(shown.messages)) == (usd("5.00"), [Kind.DEBT_COLLECTED, Kind.USER_CREDITED])
    credit().ask(olu())
    assert (wallet_of(bea()), debt_of(bea().pk)) == (usd("2.00"), usd("0.00"))


def test_the_limit_itself_needs_one_person_and_a_cent_more_needs_two(settings: Any) -> None:
    assert Decimal(250) == settings.REPAIR_TWO_PEOPLE_ABOVE_USD
    assert not credit(amount="250.00").look(olu()).needs_two
    assert credit(amount="250.01").look(olu()).needs_two


def test_a_debt_is_forgiven_in_part_or_whole_and_never_more() -> None:
    owes(bea(), "7.00")
    part = Mending("forgive_debt", "user", bea().pk, {"amount": "2.00"}, bea())
    part.ask(olu())
    assert debt_of(bea().pk) == usd("5.00")
    with pytest.raises(RepairRefused, match="owes_less"):
        Mending("forgive_debt", "user", bea().pk, {"amount": "5.01"}, bea()).look(olu())
    Mending("forgive_debt", "user", bea().pk, {"amount": ""}, bea()).ask(olu())
    assert debt_of(bea().pk) == usd("0.00")
    assert Event.objects.filter(kind=Kind.DEBT_FORGIVEN).latest("pk").data["left"] == ""
    assert balance_of(platform_account(LOSSES, "USD")) == -usd("7.00")


def test_what_has_changed_since_the_first_person_looked_is_not_done(settings: Any) -> None:
    settings.REPAIR_TWO_PEOPLE_ABOVE_USD = Decimal(1)
    mending = a_debt()
    repair = mending.ask(olu())
    give(bea(), "3.00")  # collects a part of the debt
    before, fresh = everything(), mending.look(ada())
    for digest in (repair.digest, fresh.digest):
        with pytest.raises(RepairChanged):
            confirm_repair(actor=ada(), repair_id=repair.pk, digest=digest, reason="yes")
    assert everything() == before
    assert fresh.amount == usd("4.00")


def _fund() -> Operation:
    cast.an_active_trade()
    return Operation.objects.get(kind="escrow_pay" if Operation.objects.filter(kind="escrow_pay") else "escrow_fund")


def _release() -> Operation:
    cast.released(cast.a_delivered_trade())
    return Operation.objects.get(kind="escrow_release")


def _deposit() -> Operation:
    stored(raw_of(an_intent(who=bea())))
    drain()
    return Operation.objects.get(kind="deposit")


def _request() -> Operation:
    a_request()
    return Operation.objects.get(kind="withdrawal_request")


def _collected() -> Operation:
    owes(bea(), "3.00")
    give(bea(), "5.00")
    return Operation.objects.get(kind="debt_collected")


def _reversal() -> Operation:
    give(bea(), "5.00")
    reverse(Operation.objects.latest("pk")).ask(olu())
    return Operation.objects.get(kind="reversal")


def _reversed() -> Operation:
    original = _reversal().reverses
    assert original is not None
    return original


def _spent() -> Operation:
    give(bea(), "50.00")
    a_request(is_given=False)
    return Operation.objects.filter(kind="gift").latest("pk")


@pytest.mark.parametrize(
    ("story", "refusal"),
    [
        (_fund, "reverse_escrow"),
        (_release, "reverse_escrow"),
        (_deposit, "reverse_deposit"),
        (_request, "reverse_withdrawal"),
        (_collected, "reverse_by_credit"),
        (_reversal, "reverse_by_credit"),
        (_reversed, "reversed_already"),
        (_spent, "insufficient_funds"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_others_rely_on_is_not_reversed_alone(story: Callable[[], Operation], refusal: str) -> None:
    operation = story()
    before = everything()
    with pytest.raises(RepairRefused, match=refusal):
        reverse(operation).look(olu())
    assert everything() == before


def test_a_reversal_names_what_it_reverses_and_staff_see_it() -> None:
    give(bea(), "5.00")
    wrong = Operation.objects.latest("pk")
    reverse(wrong).ask(olu(), reason="booked twice")
    assert Operation.objects.get(reverses=wrong).key == f"reverse:{wrong.key}"
    assert Event.objects.get(kind=Kind.OPERATION_REVERSED).actor_id == olu().pk
    assert wallet_of(bea()) == usd("0.00")
