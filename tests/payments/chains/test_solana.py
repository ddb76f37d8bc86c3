"""Solana: what balances say of SOL and of tokens by their mint."""

import pytest

from payments.chains.base import NotSeen, Unknown
from tests.payments.chains.nodes import SCENES, RpcError, playing, recorded

SCENE = SCENES["solana"]


def read(settings, case):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("getTransaction", recorded(f"solana/{case}"))
        return reader.read_transaction(SCENE.txid)


def to_us(settings, case):
    return [one for one in read(settings, case) if one.recipient == SCENE.address]


def test_sol_is_what_the_balance_grew_by(settings):
    (payment,) = read(settings, "native")
    assert (payment.asset, payment.contract, payment.raw_amount) == ("SOL", "", 1_500_000_000)
    assert (payment.raw_digits, payment.recipient, payment.is_final) == (9, SCENE.address, True)


@pytest.mark.parametrize("case", ["token", "first_token"])
def test_a_token_is_what_the_owners_balance_of_that_mint_grew_by(settings, case):
    (payment,) = to_us(settings, case)
    assert (payment.asset, payment.raw_amount, payment.raw_digits) == ("USDC", 105_310_000, 6)


def test_two_accounts_of_one_owner_are_one_payment(settings):
    (payment,) = to_us(settings, "several")
    assert payment.raw_amount == 12_000_000


def test_another_mint_has_no_asset_whatever_it_is_called(settings):
    (payment,) = to_us(settings, "fake_token")
    assert (payment.asset, payment.raw_digits) == ("", 0)
    assert payment.contract == "GZSPxL9TLMTGsq4s2X1F2C7GfXaYbrAgsKq4NSuNxAq2"


def test_a_mint_of_the_newer_token_program_has_no_asset(settings):
    (payment,) = to_us(settings, "newer_program")
    assert payment.asset == ""


def test_a_failed_transaction_says_so(settings):
    (payment,) = read(settings, "failed")
    assert (payment.succeeded, payment.recipient, payment.raw_amount) == (False, "", 0)


def test_it_is_seen_but_not_final_before_the_network_finalises_it(settings):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set('getTransaction "finalized"', {"value": None})
        transfers = reader.read_transaction(SCENE.txid)
        assert not any(one.is_final for one in transfers)
        assert {one.confirmations for one in transfers} == {0}
        nodes.routes.pop()
        assert all(one.is_final for one in reader.read_transaction(SCENE.txid))


def test_only_finalised_and_confirmed_states_are_asked_for_and_every_version(settings):
    with playing(SCENE, settings) as (reader, nodes):
        reader.read_transaction(SCENE.txid)
    (question,) = [line for line in nodes.asked if "getTransaction" in line]
    assert '"commitment":"finalized"' in question
    assert '"maxSupportedTransactionVersion":0' in question
    assert '"encoding":"jsonParsed"' in question


@pytest.mark.parametrize("code", [-32007, -32009])
def test_a_slot_without_a_block_is_not_seen(settings, code):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("getBlock", RpcError(code, "Slot 392000000 was skipped"))
        with pytest.raises(NotSeen):
            reader.block_hash_at(392_000_000)


def test_a_block_that_the_node_has_not_loaded_is_unknown(settings):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("getBlock", RpcError(-32004, "Block not available for slot 392000000"))
        with pytest.raises(Unknown):
            reader.block_hash_at(392_000_000)


def test_balances_that_do_not_fit_the_accounts_are_not_believed(settings):
    broken = recorded("solana/native")
    broken["meta"]["postBalances"].pop()
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("getTransaction", broken)
        with pytest.raises(Unknown):
            reader.read_transaction(SCENE.txid)
