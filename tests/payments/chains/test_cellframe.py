"""Cellframe: tickers on the net Backbone, in datoshi that no 64 bits hold."""

from datetime import UTC, datetime

import pytest
import time_machine

from payments.chains.base import Pending, Unknown
from tests.payments.chains.nodes import SCENES, playing, recorded

SCENE = SCENES["cellframe"]
CREATED = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def read(settings, case):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("tx_history", recorded(f"cellframe/{case}"))
        return reader.read_transaction(SCENE.txid)


def to_us(settings, case):
    return [one for one in read(settings, case) if one.recipient == SCENE.address]


def test_a_token_is_read_with_every_digit(settings):
    (payment,) = to_us(settings, "token")
    assert (payment.asset, payment.raw_amount, payment.raw_digits) == ("CPUNK", 1_500 * 10**18, 18)
    assert payment.raw_amount > 2**63
    assert (payment.confirmations, payment.is_final) == (39, True)


def test_cell_is_read_when_only_the_transaction_names_the_ticker(settings):
    (payment,) = to_us(settings, "native")
    assert (payment.asset, payment.raw_amount, payment.confirmations) == ("CELL", 10**18, 5)


def test_outputs_are_summed_by_ticker_and_locked_ones_have_not_arrived(settings):
    payments = {one.contract: one for one in to_us(settings, "several")}
    assert payments["CPUNK"].raw_amount == 12 * 10**18
    assert (payments["cpunk"].asset, payments["cpunk"].raw_amount) == ("", 3 * 10**18)


def test_a_declined_transaction_says_so(settings):
    (payment,) = read(settings, "failed")
    assert (payment.succeeded, payment.recipient, payment.raw_amount) == (False, "", 0)


def test_in_no_block_it_is_pending(settings):
    with pytest.raises(Pending):
        read(settings, "unconfirmed")


@pytest.mark.parametrize(
    ("minutes", "confirmations", "is_final"),
    [(0, 0, False), (1, 0, False), (2, 1, False), (9, 4, False), (10, 5, True)],
)
def test_with_an_older_node_time_stands_for_confirmations(settings, minutes, confirmations, is_final):
    with time_machine.travel(CREATED.replace(minute=30 + minutes), tick=False):
        (payment,) = to_us(settings, "old_node")
    assert (payment.confirmations, payment.is_final) == (confirmations, is_final)


def test_a_time_that_cannot_be_read_never_makes_it_final(settings):
    undated = recorded("cellframe/old_node")
    undated["result"][0][0]["tx_created"] = "unknown"
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("tx_history", undated)
        payment = reader.read_transaction(SCENE.txid)[0]
    assert (payment.block_time, payment.confirmations, payment.is_final) == (None, 0, False)


def test_another_error_than_not_found_is_a_fault(settings):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("tx_history", {"result": [{"errors": [{"code": -3, "message": "net is offline"}]}]})
        with pytest.raises(Unknown):
            reader.read_transaction(SCENE.txid)


def test_the_question_names_the_net_and_the_hash(settings):
    with playing(SCENE, settings) as (reader, nodes):
        reader.read_transaction(SCENE.txid)
    assert f"tx_history;-net;Backbone;-tx;0x{SCENE.txid[2:].upper()}" in nodes.asked[0]
