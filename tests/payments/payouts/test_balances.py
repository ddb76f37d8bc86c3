"""What rails hold for us is kept with its time; staff hear once when it runs low."""

from typing import Any

import pytest
from django.core.checks import Error

from lockbay.checks import check_production_settings
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from payments.models import RailBalance
from payments.payouts.jobs import look_at_balances
from tests.payments.payouts.stories import PlayMoney
from wallets.money import parse_money

pytestmark = pytest.mark.django_db(transaction=True)


def held(provider: PlayMoney, amount: str) -> None:
    provider.balances = [parse_money(amount, "USDT")]
    assert look_at_balances() == 1


def test_the_last_look_is_kept_and_low_is_told_once(provider: PlayMoney, settings: Any) -> None:
    settings.PAYOUT_LOW_BALANCES = {"sandbox:USDT": "100"}
    held(provider, "100")
    assert not Event.objects.filter(kind=Kind.PAYOUT_BALANCE_LOW).exists()
    held(provider, "99.999999")
    held(provider, "50")
    assert Event.objects.get(kind=Kind.PAYOUT_BALANCE_LOW).data["limit"] == "100.000000 USDT"
    row = RailBalance.objects.get()
    assert (str(row.money), row.low_since is None) == ("50.000000 USDT", False)
    held(provider, "150")
    held(provider, "1")
    assert Event.objects.filter(kind=Kind.PAYOUT_BALANCE_LOW).count() == 2


def test_a_rail_that_does_not_answer_keeps_what_was_known(provider: PlayMoney, settings: Any) -> None:
    held(provider, "7")
    settings.PAYOUT_METHODS = ["kraken:USDT:TRC20", "nobody:USDT:TRC20"]
    settings.KRAKEN_API_SECRET = "no base64!"
    assert look_at_balances() == 0
    assert str(RailBalance.objects.get().money) == "7.000000 USDT"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PAYOUT_METHODS": ["kraken:USDT:TRC20"]}, "kraken pays out without KRAKEN_API_KEY and KRAKEN_API_SECRET"),
        ({"PAYOUT_METHODS": ["sandbox:USDT:TRC20"]}, "play money"),
        ({"PAYOUT_METHODS": ["pigeon:USDT:TRC20"]}, "'pigeon'"),
        ({"PAYOUT_LOW_BALANCES": {"kraken:USDT": "much"}}, "PAYOUT_LOW_BALANCES"),
        ({"PAYOUT_LOW_BALANCES": {"pigeon:USDT": "5"}}, "PAYOUT_LOW_BALANCES"),
    ],
)
def test_production_refuses_rails_that_cannot_be_served(settings: Any, changes: dict[str, Any], words: str) -> None:
    settings.PLAYGROUND, settings.PAYOUT_METHODS = False, []
    for name, value in changes.items():
        setattr(settings, name, value)
    found = [message for message in check_production_settings() if message.id == "lockbay.E008"]
    assert len(found) == 1
    assert isinstance(found[0], Error)
    assert words in found[0].msg
