"""Tron: TRX, TRC-20, what only looks like them, and what contracts pay out."""

import pytest

from payments.chains.base import NotSeen, Pending
from tests.payments.chains.nodes import SCENES, playing, recorded

SCENE = SCENES["tron"]
USDT = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"


def read(settings, *, sent="token", done="token", head=None):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("gettransactionbyid", recorded(f"tron/sent__{sent}"))
        nodes.set("gettransactioninfobyid", recorded(f"tron/done__{done}"))
        if head is not None:
            block = recorded("tron/block__head")
            block["block_header"]["raw_data"]["number"] = head
            nodes.set('/wallet/getblock "detail":false', block)
            nodes.routes += SCENE.routes[1:3]
        return reader.read_transaction(SCENE.txid)


def test_trx_is_read_from_the_transaction_itself(settings):
    (payment,) = read(settings, sent="native", done="native")
    assert (payment.asset, payment.contract, payment.recipient) == ("TRX", "", SCENE.address)
    assert (payment.raw_amount, payment.raw_digits) == (25_500_000, 6)


def test_a_token_is_recognised_by_its_contract(settings):
    (payment,) = read(settings)
    assert (payment.asset, payment.contract, payment.raw_digits) == ("USDT", USDT, 6)
    assert (payment.raw_amount, payment.recipient) == (105_310_000, SCENE.address)


def test_a_token_that_only_calls_itself_usdt_has_no_asset(settings):
    (payment,) = read(settings, done="fake_token")
    assert (payment.asset, payment.raw_digits, payment.raw_amount) == ("", 0, 105_310_000)
    assert payment.contract == "TAaAcD7ie8QMeAvsX5BrJicZ4DT8V7zqd4"


def test_a_trc10_token_named_usdt_has_no_asset(settings):
    (payment,) = read(settings, sent="trc10", done="native")
    assert (payment.asset, payment.contract) == ("", "trc10:55534454")


def test_events_to_one_address_are_summed_and_nothing_else_counts(settings):
    payments = {one.recipient: one.raw_amount for one in read(settings, done="several")}
    assert payments == {SCENE.address: 12_000_000, "TLREhWag293Tbbyh2HCAK11KqYxWdCWKH5": 9_000_000}


def test_trx_paid_out_by_a_contract_counts_once_and_not_when_it_was_rejected(settings):
    (payment,) = read(settings, done="internal")
    assert (payment.asset, payment.recipient, payment.raw_amount) == ("TRX", SCENE.address, 3_000_000)


def test_a_failed_transaction_says_so_and_moves_nothing(settings):
    (payment,) = read(settings, sent="failed", done="failed")
    assert (payment.succeeded, payment.recipient, payment.raw_amount) == (False, "", 0)


def test_one_sign_of_failure_is_enough(settings):
    for sent, done in (("failed", "token"), ("token", "failed")):
        (payment,) = read(settings, sent=sent, done=done)
        assert not payment.succeeded


@pytest.mark.parametrize(
    ("head", "confirmations"), [(79_199_999, 0), (79_200_000, 0), (79_200_001, 1), (79_200_019, 19)]
)
def test_confirmations_are_counted_from_the_head_minus_one(settings, head, confirmations):
    (payment,) = read(settings, head=head)
    assert (payment.confirmations, payment.is_final) == (confirmations, False)


def test_it_is_final_at_twenty_when_it_is_solid(settings):
    (payment,) = read(settings, head=79_200_020)
    assert (payment.confirmations, payment.is_final) == (20, True)


def test_it_is_not_final_while_it_is_not_solid(settings):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("/walletsolidity/", {})
        (payment,) = reader.read_transaction(SCENE.txid)
    assert (payment.confirmations, payment.is_final) == (19, False)


def test_a_transaction_in_no_block_is_pending(settings):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("gettransactioninfobyid", {})
        with pytest.raises(Pending):
            reader.read_transaction(SCENE.txid)


def test_a_block_that_is_not_there_is_not_seen(settings):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set('"id_or_num":"79300000"', {})
        with pytest.raises(NotSeen):
            reader.block_hash_at(79_300_000)
