"""Aptos: deposits are matched to stores, stores to tokens and owners."""

import pytest

from payments.chains.base import NotSeen, Pending
from tests.payments.chains.nodes import SCENES, Missing, playing, recorded

SCENE = SCENES["aptos"]
USDT = "0x357b0b74bc833e95a115ad22604854d6b0fca151cecd94111770e5d6ffc9dc2b"


def read(settings, case):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("/transactions/by_hash/", recorded(f"aptos/{case}"))
        return reader.read_transaction(SCENE.txid)


def test_a_token_is_recognised_by_its_metadata_address_though_zeros_are_missing(settings):
    (payment,) = read(settings, "token")
    assert (payment.asset, payment.contract, payment.raw_amount) == ("USDT", USDT, 105_310_000)
    assert payment.recipient == SCENE.address
    assert len(SCENE.address) == 66


@pytest.mark.parametrize("case", ["native", "native__old_event", "native__both_events"])
def test_apt_counts_once_in_every_form_it_comes(settings, case):
    (payment,) = read(settings, case)
    assert (payment.asset, payment.contract, payment.raw_digits) == ("APT", "", 8)
    assert (payment.raw_amount, payment.recipient) == (150_000_000, SCENE.address)


def test_a_fake_token_has_no_asset_and_an_event_of_its_own_module_counts_for_nothing(settings):
    payments = {one.contract: one for one in read(settings, "fake_token")}
    fake = "0x069ff7f4fb74d23ab9522078babf8aff47eb7f3ce7082e101520aa9139cdfacb"
    assert {one.asset for one in payments.values()} == {""}
    assert payments[fake].raw_amount == 105_310_000
    assert len(payments) == 2


def test_deposits_into_one_store_are_summed_and_zero_is_left_out(settings):
    payments = {one.recipient: one.raw_amount for one in read(settings, "several")}
    assert payments.pop(SCENE.address) == 12_000_000
    assert list(payments.values()) == [9_000_000]


def test_a_deposit_into_a_store_that_nothing_is_known_of_is_nobodys(settings):
    orphan = recorded("aptos/token")
    orphan["changes"] = [change for change in orphan["changes"] if "ObjectCore" not in str(change)]
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("/transactions/by_hash/", orphan)
        assert reader.read_transaction(SCENE.txid) == ()


def test_a_failed_transaction_says_so(settings):
    (payment,) = read(settings, "failed")
    assert (payment.succeeded, payment.recipient, payment.raw_amount) == (False, "", 0)


def test_a_committed_transaction_is_final(settings):
    (payment,) = read(settings, "token")
    assert (payment.confirmations, payment.is_final, payment.block_number) == (1, True, 412_000_000)
    assert payment.block_time.microsecond == 123_456


def test_one_that_is_not_committed_is_pending(settings):
    with pytest.raises(Pending):
        read(settings, "pending")


def test_a_block_that_is_not_there_is_not_seen(settings):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("/blocks/by_height/9", Missing({"message": "Block not found", "error_code": "block_not_found"}))
        with pytest.raises(NotSeen):
            reader.block_hash_at(9)
