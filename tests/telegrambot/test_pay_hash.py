"""“I have paid”: the hash is pasted, the screen counts by itself, and says in plain words what is wrong (T5, P8)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from lockbay import clock
from payments import chains, jobs
from payments.models import ChainClaim, Intent
from payments.rates.prewarm import prewarm
from payments.states import ClaimState
from tests import cast
from tests.telegrambot.house import labels_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="session")
def token(local_chain) -> str:
    return local_chain.deploy("Token", "USDT", 6)


@pytest.fixture
def acting(house, local_chain, token, settings) -> Iterator:
    settings.PAYMENT_PROVIDERS = ["onchain"]
    settings.CHAIN_ENDPOINTS = {"ethereum": [local_chain.url]}
    settings.CHAIN_TEST_TOKENS = [f"ethereum:USDT:{token}:6"]
    settings.ONCHAIN_ADDRESSES = {"ERC20": local_chain.fresh_address()}
    chains.forget_readers()
    prewarm("test")
    house.play_cast()
    yield house
    chains.forget_readers()


def open_payment(house) -> Intent:
    house.opens_trade("bea", cast.an_agreement(price="20.00"))
    house.presses("bea", "Pay")
    house.presses("bea", "USDT · Ethereum")
    return Intent.objects.get()


def look(house) -> dict:
    """The worker looks, the screen follows."""
    chains.forget_readers()
    ChainClaim.objects.filter(state=ClaimState.WAITING).update(next_look_at=clock.real_now())
    jobs.look_at_claims()
    house.run(house.live_screens.update())
    return house.last("bea")


def test_from_the_pasted_hash_to_the_paid_trade(acting, local_chain, token):
    intent = open_payment(acting)
    question = acting.presses("bea", "I have paid")
    assert "Please paste it here" in question["text"]
    assert "begins with 0x" in question["text"]
    txid = local_chain.send_token(token, intent.address.lower(), intent.pay_minor)
    screen = acting.says("bea", f" {txid.upper().replace('0X', '0x')} ")
    assert "I am looking for it now" in screen["text"]
    local_chain.mine(12)
    counted = look(acting)
    assert counted["message_id"] == screen["message_id"]
    assert "●●●○○ 12/20" in counted["text"]
    assert "Last checked" in counted["text"]
    local_chain.mine(8)
    look(acting)
    acting.pump()
    paid = next(row for row in acting.people.messages("bea") if row["message_id"] == screen["message_id"])
    assert "is held safe by LockBay" in paid["text"]


def test_a_payment_is_found_by_itself_and_the_screen_follows(acting, local_chain, token):
    intent = open_payment(acting)
    screen = acting.last("bea")
    assert "I find your payment by myself" in screen["text"]
    local_chain.send_token(token, intent.address.lower(), intent.pay_minor)
    local_chain.mine(12)
    jobs.watch_addresses()
    assert ChainClaim.objects.get().claimed_by is None
    counted = look(acting)
    assert counted["message_id"] == screen["message_id"]
    assert "●●●○○ 12/20" in counted["text"]
    local_chain.mine(8)
    look(acting)
    acting.pump()
    paid = next(row for row in acting.people.messages("bea") if row["message_id"] == screen["message_id"])
    assert "is held safe by LockBay" in paid["text"]


def test_a_hash_of_money_that_the_desk_has_is_said_to_be_there(acting, local_chain, token, settings):
    intent = open_payment(acting)
    txid = local_chain.send_token(token, intent.address.lower(), 19_000_000)
    local_chain.mine(40)
    settings.ONCHAIN_HASH_WAIT = timedelta(0)
    jobs.watch_addresses()
    acting.presses("bea", "I have paid")
    assert "It came in before you named it" in acting.says("bea", txid)["text"]


def test_a_text_of_another_format_is_refused_with_what_is_expected(acting):
    open_payment(acting)
    acting.presses("bea", "I have paid")
    answer = acting.says("bea", "I sent it yesterday")
    assert "not the hash of a transaction" in answer["text"]
    assert "64 letters from a to f and digits" in answer["text"]
    assert not ChainClaim.objects.exists()


def test_a_payment_to_somebody_else_is_told_and_another_hash_may_follow(acting, local_chain, token):
    open_payment(acting)
    acting.presses("bea", "I have paid")
    acting.says("bea", local_chain.send_token(token, local_chain.fresh_address(), 5))
    told = look(acting)
    assert "did not pay to the address" in told["text"]
    assert "Support reference: " + ChainClaim.objects.get().correlation_id in told["text"]
    assert any("I have paid" in label for label in labels_of(told))
    acting.presses("bea", "I have paid", told)
    assert "I am looking for it now" in acting.says("bea", "0x" + "ab" * 32)["text"]


def test_a_network_that_cannot_be_asked_is_said_and_waited_for(acting, settings):
    open_payment(acting)
    acting.presses("bea", "I have paid")
    acting.says("bea", "0x" + "ab" * 32)
    settings.CHAIN_ENDPOINTS = {}
    assert "cannot be asked at the moment" in look(acting)["text"]


def test_a_payment_that_needs_no_hash_does_not_ask_for_one(acting, settings):
    settings.PAYMENT_PROVIDERS = ["sandbox"]
    acting.opens_trade("bea", cast.an_agreement())
    acting.presses("bea", "Pay")
    screen = acting.presses("bea", "USDT · Tron")
    assert not any("I have paid" in label for label in labels_of(screen))
