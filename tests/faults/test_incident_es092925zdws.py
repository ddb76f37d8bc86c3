"""ES092925ZDWS, as it happened and as it must end: the bot was dead and no rate was known when a payment of 2.10 USD in
litecoin came, and the buyer was told of a success that he never heard of. Here it is credited to the cent by the frozen
rate, judged, told by e-mail to the buyer and to staff, and nothing says "sent" that was not (E7-E9, R6, N2-N4)."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import stamina
import time_machine

from escrows.jobs import run_deadlines
from escrows.models import Escrow
from escrows.states import Status
from lockbay import clock, http
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from notifications import jobs as notices
from notifications.models import Attempt, Delivery
from payments.jobs import drain_inbox, refresh_rates, refresh_waited_rates
from payments.models import Deposit, InboxEvent
from payments.rates import quotes
from payments.states import DepositState, InboxStatus, Outcome
from tests import cast
from tests.cast import bea, held_by, usd, wallet_of
from tests.faults.litecoin import BEAS, BLOCKBEE, EXACTLY, RATE, a_trade_in_litecoin, webhook_of
from tests.notifications.stories import forget_the_past
from tests.payments.providers.rails import configure
from tests.payments.rates.wire import answers_of_now, wired
from wallets.accounts import TOLERANCE, platform_account
from wallets.models import Operation
from wallets.money import Money
from wallets.proof import check_ledger
from wallets.queries import balance_of

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = "olu@lockbay.example"


@pytest.fixture(autouse=True)
def _house(settings: Any) -> Iterator[None]:
    """Telegram's limit is what it is; the bot was never started, so that nobody ever beats for it."""
    configure(settings)
    settings.STAFF_EMAILS = [STAFF]
    settings.RATE_SOURCES = ["fastforex", "coingecko", "kraken", "cryptocompare"]
    stamina.set_testing(True, attempts=1, cap=True)
    yield
    stamina.set_testing(False)
    http.use_transport(None)


@pytest.fixture
def trade() -> Escrow:
    """2.10 to pay in litecoin; no rate is known and nobody answers."""
    made = a_trade_in_litecoin()
    http.use_transport(httpx.MockTransport(_nobody_answers))
    forget_the_past()
    return made


def pay(trade: Escrow, coins: str) -> int:
    """The provider's signed webhook."""
    return BLOCKBEE.send(webhook_of(trade, coins))


@pytest.mark.parametrize(
    ("coins", "worth", "in_wallet", "from_tolerance", "variance", "said"),
    [
        (EXACTLY, "2.10", "0.00", "0.00", ("exact", "none"), "worth 2.10 USD."),
        ("0.0244", "2.04", "0.00", "0.06", ("short_within", "minor"), "A difference of 0.06 USD is minor"),
        ("0.0262", "2.20", "0.10", "0.00", ("over", "minor"), "The extra 0.10 USD is in your LockBay wallet"),
        ("0.0192", "1.61", "0.00", "0.49", ("short_within", "full"), "0.49 USD less than the 2.10 USD"),
        ("0.03", "2.52", "0.42", "0.00", ("over", "full"), "0.42 USD more than the 2.10 USD"),
    ],
)
def test_it_is_credited_exactly_and_told_by_mail(
    trade: Escrow,
    coins: str,
    worth: str,
    in_wallet: str,
    from_tolerance: str,
    variance: tuple[str, str],
    said: str,
    mailoutbox: list[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    assert pay(trade, coins) == 200
    trade.refresh_from_db()
    deposit, fact = Deposit.objects.get(), Event.objects.get(kind=Kind.ESCROW_PAYMENT_CONFIRMED)
    assert (trade.status, deposit.value_rate, deposit.is_late) == (Status.PAYMENT_CONFIRMED, RATE, False)
    assert (held_by(trade), wallet_of(bea())) == (usd("2.10"), usd(in_wallet))
    assert balance_of(platform_account(TOLERANCE, "USD")) == -usd(from_tolerance)
    assert (fact.data["value"], fact.data["variance"], fact.data["message_level"]) == (f"{worth} USD", *variance)
    assert Operation.objects.count() == 1

    with time_machine.travel(clock.real_now(), tick=True) as traveller:
        notices.fan_out()
        assert [mail.to for mail in mailoutbox] == [[STAFF]], "the buyer's Telegram has its minute"
        traveller.shift(timedelta(seconds=61))
        notices.send_fallbacks()
        notices.send_fallbacks()
    assert [mail.to for mail in mailoutbox] == [[STAFF], [BEAS]]
    assert all(trade.public_id in mail.body for mail in mailoutbox)
    assert said in " ".join(mailoutbox[1].body.split())
    _require_only_mail_was_sent(caplog)
    assert check_ledger(full=True).breaches == []


def test_too_little_is_kept_and_the_buyer_is_asked_by_mail(
    trade: Escrow, mailoutbox: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert pay(trade, "0.019") == 200
    trade.refresh_from_db()
    assert (trade.status, held_by(trade)) == (Status.PAYMENT_PENDING, usd("1.59"))
    with time_machine.travel(clock.real_now(), tick=True) as traveller:
        notices.fan_out()
        traveller.shift(timedelta(seconds=61))
        notices.send_fallbacks()
    assert [mail.to for mail in mailoutbox] == [[BEAS]]
    assert "0.51 USD is missing" in mailoutbox[0].subject
    assert not _lines(caplog, "ESCROW_PAYMENT_CONFIRMED")
    _require_only_mail_was_sent(caplog)
    assert check_ledger(full=True).breaches == []


def test_late_and_without_any_rate_it_waits_and_then_settles_by_itself(
    trade: Escrow, mailoutbox: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with cast.later(hours=2), time_machine.travel(clock.real_now(), tick=True) as traveller:
        assert pay(trade, EXACTLY) == 200, "it is in the inbox: the provider need not send it again"
        _minutes_pass(5, traveller)
        row, deposit = InboxEvent.objects.get(), Deposit.objects.get()
        assert (row.status, row.last_outcome, row.operations) == (InboxStatus.PENDING, Outcome.RETRY_LATER, [])
        assert (deposit.state, deposit.value_minor) == (DepositState.PENDING, None)
        assert not Operation.objects.exists()
        assert _outcomes(caplog) == {"retry_later"}
        assert not Delivery.objects.filter(template__startswith="payment").exists()
        assert all("2.10" not in mail.body or "was not paid" in mail.body for mail in mailoutbox)
        mailoutbox.clear()

        with wired(answers_of_now()):
            _minutes_pass(7, traveller)
            worth = Decimal(EXACTLY) * quotes.quote_of("LTC", "USD").rate
        row.refresh_from_db()
        deposit.refresh_from_db()
        assert (row.status, deposit.state, deposit.is_late) == (InboxStatus.APPLIED, DepositState.CONFIRMED, True)
        assert abs(Decimal(deposit.value_minor or 0) / 100 - worth) < worth / 50
        credited = Money(deposit.value_minor or 0, "USD")
        assert wallet_of(bea()) == credited, "the trade had ended unpaid: the money is its payer's (E10)"
        assert [mail.to for mail in mailoutbox] == [[BEAS]]
        assert f"{credited} arrived late and is in your wallet" in mailoutbox[0].subject
    _require_only_mail_was_sent(caplog)
    assert check_ledger(full=True).breaches == []


def _minutes_pass(minutes: int, traveller: Any) -> None:
    """What the worker does by its schedule, and nothing else."""
    for minute in range(minutes):
        traveller.shift(timedelta(minutes=1))
        quotes.forget_all()  # the worker's processes come and go
        refresh_waited_rates()
        if minute % 3 == 0:
            refresh_rates()
        drain_inbox()
        run_deadlines()
        notices.send_fallbacks()


def _require_only_mail_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    """No row and no line says that Telegram took anything: nobody even tried."""
    assert set(Delivery.objects.filter(channel="telegram").values_list("state", "attempts")) == {("queued", 0)}
    assert set(Delivery.objects.exclude(channel="telegram").values_list("state", "channel")) == {("sent", "email")}
    assert set(Attempt.objects.values_list("outcome", "delivery__channel")) == {("sent", "email")}
    sent = _lines(caplog, "delivery_sent")
    assert {line["channel"] for line in sent} == {"email"}
    assert len(sent) == Delivery.objects.filter(state="sent").count()


def _outcomes(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {event["outcome"] for line in _lines(caplog, "INBOX_BATCH_DONE") for event in line["events"]}


def _lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [line for line in lines if line["event"] == event]


def _nobody_answers(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody answers")
