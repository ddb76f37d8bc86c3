"""Where money may be paid out to, what that costs, and what arrives (W1, W5, E4: no hidden markup)."""

from datetime import timedelta

import pytest

from lockbay import clock
from payments.banks import Bank
from payments.errors import AccountUnknown, AddressRefused, MethodGone
from payments.models import Intent, StoredFee, StoredRate
from payments.rates import quotes
from payments.rates.prewarm import prewarm
from payments.refreshing_fees import refresh_network_fees
from payments.withdrawing import bank_target, crypto_target, payout_method, payout_methods
from tests.cast import bea, usd
from wallets import quoting
from wallets.errors import NothingArrives, QuoteUnavailable
from wallets.models import Destination, Withdrawal
from wallets.money import Money, parse_money

pytestmark = pytest.mark.django_db(transaction=True)
TRON = "TQpgyGhLQSbtomi1Dcf6PvftoAdrkrK6eF"


@pytest.fixture(autouse=True)
def _known_prices():
    prewarm("test")
    refresh_network_fees()


def to(asset, network, rail="sandbox"):
    return Destination(owner=bea(), rail=rail, payout_asset=asset, network=network)


def terms(amount, asset="USDT", network="TRC20", rail="sandbox"):
    return quoting.terms_for(to(asset, network, rail), usd(amount))


def test_the_terms_name_both_fees_and_what_arrives():
    told = terms("100.00")
    assert (told.fee, told.network_fee) == (usd("2.00"), usd("2.33"))
    assert told.estimate == Money(95_670_000, "USDT")
    assert (told.rate, told.rate_source) == ("1", "playmoney")


def test_what_arrives_in_a_coin_is_rounded_down():
    told = terms("100.00", "BTC", "BTC")
    left = usd("100.00") - told.fee - told.network_fee
    assert told.network_fee == usd("0.93")  # 0.00000846 BTC × 1.2 × 91250.40, a cent up
    assert (left, told.estimate) == (usd("97.07"), Money(106_377, "BTC"))  # 97.07 / 91250.40 = 0.00106377…


def test_naira_arrives_at_the_rate_of_the_dollar():
    told = terms("100.00", "NGN", "BANK", "fincra")
    assert (told.fee, told.network_fee) == (usd("2.00"), usd("0.04"))
    assert told.estimate == parse_money("140332.59", "NGN")  # 97.96 × 1432.55, floored


@pytest.mark.parametrize(
    ("amount", "fee"),
    [("2.00", "0.50"), ("25.00", "0.50"), ("25.50", "0.51"), ("25.25", "0.51"), ("25.24", "0.50"), ("500.00", "10.00")],
)
def test_the_fee_of_the_house_is_two_percent_and_never_less_than_half_a_dollar(amount, fee):
    assert quoting.service_fee(usd(amount)) == usd(fee)


def test_fees_that_eat_everything_are_refused():
    with pytest.raises(NothingArrives) as refusal:
        terms("2.00")
    assert refusal.value.fees == usd("2.83")


def test_without_a_fresh_network_fee_nothing_is_promised():
    StoredFee.objects.update(fetched_at=clock.real_now() - timedelta(hours=1))
    with pytest.raises(QuoteUnavailable) as refusal:
        terms("100.00")
    assert refusal.value.what == "network_fee"


def test_without_a_rate_nothing_is_promised_and_nothing_approved():
    StoredRate.objects.filter(base="USDT").delete()
    quotes.forget_all()
    with pytest.raises(QuoteUnavailable) as refusal:
        terms("100.00")
    assert refusal.value.what == "rate"
    withdrawal = Withdrawal(asset="USD", payout_asset="USDT", amount_minor=10_000, fee_minor=200, network_fee_minor=233)
    with pytest.raises(QuoteUnavailable):
        quoting.payout_quote_for(withdrawal)


def test_an_approval_is_quoted_afresh_and_keeps_the_agreed_fees():
    withdrawal = Withdrawal(asset="USD", payout_asset="LTC", amount_minor=10_000, fee_minor=200, network_fee_minor=100)
    StoredRate.objects.filter(base="LTC").update(rate="80")
    quotes.forget_all()
    quote = quoting.payout_quote_for(withdrawal)
    assert (quote.payout, quote.rate, quote.rate_source) == (Money(121_250_000, "LTC"), "0.0125", "playmoney")


def test_an_address_comes_out_in_its_one_spelling():
    target = crypto_target(payout_method("sandbox:ETH:ETH"), "  0x52908400098527886E0F7030069857D2E4169EE7 ")
    assert target.details == {"address": "0x52908400098527886e0f7030069857d2e4169ee7", "tag": ""}
    assert target.fingerprint == "ETH:0x52908400098527886e0f7030069857d2e4169ee7"


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("sandbox:USDT:TRC20", "", "empty"),
        ("sandbox:USDT:TRC20", "hello", "wrong_format"),
        ("sandbox:USDT:TRC20", TRON[:-1] + "G", "wrong_checksum"),
        ("sandbox:USDT:TRC20", "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb", "nobodys"),
        ("sandbox:USDT:TRC20", "0x52908400098527886E0F7030069857D2E4169EE7", "wrong_format"),
        ("sandbox:ETH:ETH", "0x52908400098527886E0F7030069857D2E4169Ee7", "wrong_checksum"),
        ("sandbox:BTC:BTC", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "wrong_checksum"),
    ],
)
def test_what_is_no_good_address_is_refused_with_the_reason(code, text, reason):
    with pytest.raises(AddressRefused) as refusal:
        crypto_target(payout_method(code), text)
    assert refusal.value.reason == reason


def test_our_own_addresses_are_refused(settings):
    now = clock.now()
    Intent.objects.create(
        public_id="PI1",
        request_key="k",
        provider="sandbox",
        purpose="wallet",
        reference="x",
        payer=bea(),
        price_minor=1,
        pay_asset="USDT",
        network="TRC20",
        pay_minor=1,
        rate="1",
        rate_source="x",
        rate_at=now,
        address=TRON,
        provider_payment_id="p",
        expires_at=now,
        created_at=now,
    )
    settings.ONCHAIN_ADDRESSES = {"ERC20": "0x52908400098527886E0F7030069857D2E4169EE7"}
    for code, text in (("sandbox:USDT:TRC20", TRON), ("sandbox:ETH:ETH", "0x52908400098527886e0f7030069857d2e4169ee7")):
        with pytest.raises(AddressRefused) as refusal:
            crypto_target(payout_method(code), text)
        assert refusal.value.reason == "ours"


def test_a_bank_account_carries_the_name_that_its_bank_gave():
    method, bank = payout_method("sandbox:NGN:BANK"), Bank("901", "Lagoon Bank")
    target = bank_target(method, bank, "069 000 0040")
    assert target.details == {
        "bank_code": "901",
        "bank_name": "Lagoon Bank",
        "account_number": "0690000040",
        "account_name": "PLAY HOLDER 0040",
    }
    assert target.fingerprint == "BANK:901:0690000040"
    with pytest.raises(AccountUnknown):
        bank_target(method, bank, "0690000404")


def test_a_method_that_is_not_offered_is_gone(settings):
    settings.PAYOUT_METHODS = ["kraken:USDT:TRC20"]
    assert [method.code for method in payout_methods()] == ["kraken:USDT:TRC20"]
    with pytest.raises(MethodGone):
        payout_method("sandbox:USDT:TRC20")
