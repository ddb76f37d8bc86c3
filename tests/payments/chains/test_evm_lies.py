"""An answer that contradicts itself is nobody's payment: the next node is asked, or we wait (F27)."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pytest_django import Settings

from payments import chains
from payments.chains.base import MalformedAddress, MalformedHash, Unknown
from payments.chains.evm import EvmReader
from tests.payments.chains.loopback_nodes import running_nodes

TXID, BLOCK, US = "0x" + "ab" * 32, "0x" + "ba" * 32, "0x" + "11" * 20
USDT = "0xdac17f958d2ee523a2206206994597c13d831ec7"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
LOG: dict[str, Any] = {
    "address": USDT.upper().replace("0X", "0x"),
    "topics": [TRANSFER, "0x" + "00" * 32, "0x" + "00" * 12 + "11" * 20],
    "data": f"0x{25_000_000:064x}",
    "transactionHash": TXID,
    "removed": False,
}
HONEST: dict[str, Any] = {
    "eth_chainId": "0x1",
    "eth_blockNumber": "0x78",
    "eth_getTransactionByHash": {
        "hash": TXID,
        "blockNumber": "0x64",
        "from": US,
        "to": USDT,
        "value": "0x0",
        "nonce": "0x1",
    },
    "eth_getTransactionReceipt": {
        "transactionHash": TXID,
        "status": "0x1",
        "blockNumber": "0x64",
        "blockHash": BLOCK,
        "logs": [LOG],
    },
    "eth_getBlockByNumber": {"hash": BLOCK, "timestamp": "0x65a51c00"},
}
Spoil = Callable[[dict[str, Any]], Any]


def spoilt(spoil: Spoil) -> dict[str, Any]:
    """The honest answers with something wrong."""
    answers = deepcopy(HONEST)
    spoil(answers)
    return answers


@contextmanager
def reading(settings: Settings, *several: dict[str, Any]) -> Iterator[EvmReader]:
    """Ethereum's reader over local nodes; it does not sleep."""
    with running_nodes(*several) as nodes:
        settings.CHAIN_ENDPOINTS = {"ethereum": [node.url for node in nodes]}
        reader = chains.reader_of_chain("ethereum")
        assert isinstance(reader, EvmReader)
        reader._pool.sleep = list[timedelta]().append
        yield reader


def of_receipt(**changes: Any) -> Spoil:
    return lambda answers: answers["eth_getTransactionReceipt"].update(changes)


def of_log(**changes: Any) -> Spoil:
    return of_receipt(logs=[LOG | changes])


LIES: dict[str, Spoil] = {
    "another transaction": lambda answers: answers["eth_getTransactionByHash"].update(hash="0x" + "cd" * 32),
    "another receipt": of_receipt(transactionHash="0x" + "cd" * 32),
    "a receipt of a dropped block": of_receipt(blockHash="0x" + "dd" * 32),
    "no block at that height": lambda answers: answers.update(eth_getBlockByNumber=None),
    "a log of another transaction": of_log(transactionHash="0x" + "cd" * 32),
    "a removed log": of_log(removed=True),
    "no status": of_receipt(status=None),
    "logs that are no list": of_receipt(logs="many"),
    "a log without data": lambda answers: answers["eth_getTransactionReceipt"]["logs"][0].pop("data"),
    "an amount that is no number": of_log(data="0x" + "zz" * 32),
    "a transaction that is a text": lambda answers: answers.update(eth_getTransactionByHash="yes"),
    "a head that is a number": lambda answers: answers.update(eth_blockNumber=120),
    "a block of the far future": lambda answers: answers["eth_getBlockByNumber"].update(timestamp="0xffffffffffff"),
}


def test_the_honest_answer_is_read(settings: Settings) -> None:
    with reading(settings, HONEST) as reader:
        (transfer,) = reader.read_transaction(TXID)
    assert (transfer.asset, transfer.recipient, transfer.raw_amount) == ("USDT", US, 25_000_000)
    assert (transfer.confirmations, transfer.is_final) == (20, True)


@pytest.mark.parametrize("lie", LIES)
def test_a_node_that_contradicts_itself_means_wait(settings: Settings, lie: str) -> None:
    with reading(settings, spoilt(LIES[lie])) as reader, pytest.raises(Unknown):
        reader.read_transaction(TXID)


@pytest.mark.parametrize("lie", LIES)
def test_an_honest_node_beside_it_is_heard(settings: Settings, lie: str) -> None:
    with reading(settings, spoilt(LIES[lie]), HONEST) as reader:
        assert [one.raw_amount for one in reader.read_transaction(TXID)] == [25_000_000]


def test_a_well_formed_lie_beside_the_truth_means_wait(settings: Settings) -> None:
    with reading(settings, spoilt(of_log(data=f"0x{99_000_000:064x}")), HONEST) as reader:
        read = partial(reader.read_transaction, TXID)
        with pytest.raises(Unknown, match="nodes_disagree"):
            read()


@pytest.mark.parametrize(
    "changes",
    [
        {"topics": [*LOG["topics"], "0x" + "00" * 32]},
        {"topics": ["0x" + "ee" * 32, *LOG["topics"][1:]]},
        {"data": "0x"},
    ],
    ids=["an NFT", "another event", "no amount"],
)
def test_what_is_no_erc20_transfer_moves_nothing(settings: Settings, changes: dict[str, Any]) -> None:
    with reading(settings, spoilt(of_log(**changes))) as reader:
        assert reader.read_transaction(TXID) == ()


@pytest.mark.parametrize("text", [TXID, TXID.upper().replace("0X", "0x"), "AB" * 32, f"  {TXID}\n", "0X" + "ab" * 32])
def test_a_hash_has_one_spelling(text: str) -> None:
    assert chains.reader_of_network("ERC20").normalise_txid(text) == TXID


@pytest.mark.parametrize("text", ["", "0x", "ab" * 31, "0x" + "ab" * 33, "0x" + "zz" * 32, "٣" * 64, TXID + "?x=1"])
def test_what_is_no_hash_is_refused_without_a_call(text: str) -> None:
    with pytest.raises(MalformedHash):
        chains.reader_of_network("ERC20").normalise_txid(text)


def test_addresses_compare_without_case_and_with_their_checksum() -> None:
    reader, address = chains.reader_of_network("BEP20"), "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    spellings = {address, address.lower(), "0x" + address[2:].upper(), f" {address} "}
    assert {reader.normalise_address(text) for text in spellings} == {address.lower()}
    with pytest.raises(MalformedAddress):
        reader.normalise_address(re.sub("BeAed$", "beAed", address))
