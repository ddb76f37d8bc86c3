"""The rail of play money against the real sandbox: what a person can make it do, and what becomes of the withdrawal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payments.actions.send_payout import send_payout
from payments.payouts import payout_adapter
from payments.payouts.base import PayoutMeaning
from payments.payouts.jobs import ask_payouts
from telegrambot.sandbox.config import SandboxConfig
from telegrambot.sandbox.testing import SandboxClient, run_sandbox
from tests import cast
from tests.journeys.house import eventually
from tests.payments.payouts.stories import an_approved, make_due, status_of
from tests.ports import free_port
from wallets.models import Withdrawal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


@pytest.fixture
def sandbox(tmp_path: Path, settings: Any) -> Iterator[SandboxClient]:
    config = SandboxConfig(
        token="1000001:t",
        bot_username="LockBaySandboxBot",
        api_key=settings.SANDBOX_API_KEY,
        webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
        state_path=tmp_path / "sandbox.json",
        email_folder=tmp_path / "mail",
        confirm_after_seconds=0,
    )
    with run_sandbox(config, port=free_port()) as client:
        settings.SANDBOX_URL = client.base_url
        yield client


def ends(withdrawal: Withdrawal) -> str:
    """Asked until it is closed."""

    def is_closed() -> bool:
        make_due(withdrawal)
        ask_payouts()
        return status_of(withdrawal) not in {"processing", "sent", "unknown"}

    eventually(is_closed, "the payout is closed", within=10)
    return status_of(withdrawal)


@pytest.mark.parametrize(
    ("mood", "said", "end", "left"),
    [
        ("pays", PayoutMeaning.ACCEPTED, "completed", "0.00"),
        ("fails", PayoutMeaning.ACCEPTED, "failed", "50.00"),
        ("hangs", PayoutMeaning.UNKNOWN, "completed", "0.00"),
        ("refuses", PayoutMeaning.REFUSED, "failed", "50.00"),
    ],
)
def test_every_mood_ends_right(sandbox: SandboxClient, mood: str, said: PayoutMeaning, end: str, left: str) -> None:
    sandbox.faults(payouts=mood)
    withdrawal = an_approved()
    assert send_payout(actor=None, withdrawal_id=withdrawal.pk) is said
    assert ends(withdrawal) == end
    assert cast.wallet_of(cast.bea()) == cast.usd(left)


def test_without_funds_it_waits_and_goes_when_there_are_some(sandbox: SandboxClient) -> None:
    sandbox.faults(payouts="no_funds")
    withdrawal = an_approved()
    assert send_payout(actor=None, withdrawal_id=withdrawal.pk) is PayoutMeaning.NOT_SENT
    sandbox.faults(payouts="pays")
    make_due(withdrawal)
    assert send_payout(actor=None, withdrawal_id=withdrawal.pk) is PayoutMeaning.ACCEPTED
    assert "USDT" in {money.asset for money in payout_adapter("sandbox").balances()}


def test_outside_the_playground_nothing_is_sent(sandbox: SandboxClient, settings: Any) -> None:
    withdrawal = an_approved()
    settings.PLAYGROUND = False
    assert send_payout(actor=None, withdrawal_id=withdrawal.pk) is PayoutMeaning.NOT_SENT
