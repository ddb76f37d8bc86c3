"""Ethereum and BSC: only what really arrived in an allow-listed contract counts (P8, P9, F22, F24-F28)."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from payments import chains
from payments.chains.base import ChainReader, NotSeen, Pending, Scan, Sighting, Transfer, Unknown
from payments.chains.checks import coins_of
from tests.plugins.local_chain import LocalChain

ETHER = 10**18


@pytest.fixture(scope="session")
def usdt(local_chain: LocalChain) -> str:
    """Six decimals, as on Ethereum."""
    return local_chain.deploy("Token", "USDT", 6)


@pytest.fixture
def reader(local_chain: LocalChain, usdt: str, settings: Settings) -> Iterator[ChainReader]:
    """Ethereum's, on the local chain, with two ways to reach it."""
    settings.CHAIN_ENDPOINTS = {"ethereum": [local_chain.url, local_chain.url.replace("127.0.0.1", "localhost")]}
    settings.CHAIN_TEST_TOKENS = [f"ethereum:USDT:{usdt}:6"]
    settings.CHAIN_BREAKER_FAILURES = 1
    return fresh_reader("ETH")


def fresh_reader(network: str) -> ChainReader:
    """A reader that has not asked for the head yet: it is remembered for seconds, and tests mine faster."""
    chains.forget_readers()
    return chains.reader_of_network(network)


def read_one(txid: str) -> Transfer:
    """The only transfer of a transaction."""
    (transfer,) = fresh_reader("ETH").read_transaction(txid)
    return transfer


class TestTokens:
    def test_counts_what_the_log_of_the_listed_contract_says(
        self, local_chain: LocalChain, reader: ChainReader, usdt: str
    ) -> None:
        us = local_chain.fresh_address()
        transfer = read_one(local_chain.send_token(usdt, us, 25_000_000))
        assert (transfer.asset, transfer.contract, transfer.recipient) == ("USDT", usdt, us)
        assert (transfer.raw_amount, transfer.raw_digits, str(coins_of(transfer))) == (25_000_000, 6, "25.000000")
        assert (transfer.succeeded, transfer.confirmations, transfer.is_final) == (True, 0, False)
        assert transfer.block_time is not None

    def test_a_token_that_merely_calls_itself_usdt_is_no_asset(
        self, local_chain: LocalChain, reader: ChainReader
    ) -> None:
        fake, us = local_chain.deploy("Token", "USDT", 6), local_chain.fresh_address()
        transfer = read_one(local_chain.send_token(fake, us, 25_000_000))
        assert (transfer.asset, transfer.contract, transfer.raw_digits) == ("", fake, 0)

    def test_a_log_that_lies_is_no_asset(self, local_chain: LocalChain, reader: ChainReader) -> None:
        liar = local_chain.deploy("LyingToken", "USDT", 6)
        assert read_one(local_chain.send_token(liar, local_chain.fresh_address(), 5)).asset == ""

    def test_a_fee_on_transfer_leaves_what_arrived(
        self, local_chain: LocalChain, reader: ChainReader, settings: Settings
    ) -> None:
        token, us = local_chain.deploy("FeeToken", "USDT", 6), local_chain.fresh_address()
        settings.CHAIN_TEST_TOKENS = [f"ethereum:USDT:{token}:6"]
        transfers = reader.read_transaction(local_chain.send_token(token, us, 25_000_000))
        assert [one.raw_amount for one in transfers if one.recipient == us] == [24_750_000]

    def test_several_outputs_to_one_address_are_summed_and_others_stay_apart(
        self, local_chain: LocalChain, reader: ChainReader, usdt: str
    ) -> None:
        us, other = local_chain.fresh_address(), local_chain.fresh_address()
        txid = local_chain.send_token_to_many(usdt, [(us, 5), (other, 7), (us, 6), (us, 0)])
        assert {one.recipient: one.raw_amount for one in reader.read_transaction(txid)} == {us: 11, other: 7}

    def test_a_zero_amount_is_nothing(self, local_chain: LocalChain, reader: ChainReader, usdt: str) -> None:
        assert reader.read_transaction(local_chain.send_token(usdt, local_chain.fresh_address(), 0)) == ()

    def test_a_reverted_transfer_did_not_succeed(self, local_chain: LocalChain, reader: ChainReader, usdt: str) -> None:
        txid = local_chain.send_token(usdt, local_chain.fresh_address(), 10**40)
        transfer = read_one(txid)
        assert (transfer.succeeded, transfer.raw_amount, transfer.recipient) == (False, 0, usdt)

    def test_eighteen_decimals_on_bsc(self, local_chain: LocalChain, settings: Settings) -> None:
        token, us = local_chain.deploy("Token", "USDT", 18), local_chain.fresh_address()
        settings.CHAIN_ENDPOINTS = {"bsc": [local_chain.url]}
        settings.CHAIN_TEST_TOKENS = [f"bsc:USDT:{token}:18"]
        txid = local_chain.send_token(token, us, 25 * ETHER)
        local_chain.rpc("anvil_setChainId", 56)
        try:
            (transfer,) = fresh_reader("BEP20").read_transaction(txid)
        finally:
            local_chain.rpc("anvil_setChainId", 1)
        assert (transfer.chain, transfer.asset, coins_of(transfer)) == ("bsc", "USDT", 25)


class TestNative:
    def test_counts_the_value_of_the_transaction(self, local_chain: LocalChain, reader: ChainReader) -> None:
        us = local_chain.fresh_address()
        transfer = read_one(local_chain.send(to=us, value=ETHER // 100))
        assert (transfer.asset, transfer.contract, transfer.recipient) == ("ETH", "", us)
        assert (transfer.raw_amount, transfer.raw_digits) == (ETHER // 100, 18)

    def test_ignores_internal_transfers(self, local_chain: LocalChain, reader: ChainReader) -> None:
        forwarder, us = local_chain.deploy("Forwarder"), local_chain.fresh_address()
        transfers = reader.read_transaction(local_chain.forward_native(forwarder, us, ETHER))
        assert [one.recipient for one in transfers] == [forwarder]


class TestDepth:
    def test_counts_from_the_head_minus_one_until_final(
        self, local_chain: LocalChain, reader: ChainReader, usdt: str
    ) -> None:
        txid = local_chain.send_token(usdt, local_chain.fresh_address(), 5)
        local_chain.mine(19)
        assert (read_one(txid).confirmations, read_one(txid).is_final) == (19, False)
        local_chain.mine(1)
        assert (read_one(txid).confirmations, read_one(txid).is_final) == (20, True)

    def test_a_reorganisation_shows_in_the_block_hash_and_takes_the_payment_away(
        self, local_chain: LocalChain, reader: ChainReader, usdt: str
    ) -> None:
        txid = local_chain.send_token(usdt, local_chain.fresh_address(), 5)
        before = read_one(txid)
        assert before.block_number is not None
        assert reader.block_hash_at(before.block_number) == before.block_hash
        local_chain.reorganise(1)
        assert reader.block_hash_at(before.block_number) != before.block_hash
        with pytest.raises(NotSeen):
            reader.read_transaction(txid)

    def test_a_height_above_the_head_is_not_seen(self, local_chain: LocalChain, reader: ChainReader) -> None:
        with pytest.raises(NotSeen):
            reader.block_hash_at(10**9)

    def test_an_unknown_transaction_is_not_seen(self, reader: ChainReader) -> None:
        with pytest.raises(NotSeen):
            reader.read_transaction("0x" + "ab" * 32)

    def test_a_node_of_another_chain_is_not_believed(self, reader: ChainReader, settings: Settings) -> None:
        settings.CHAIN_ENDPOINTS = {"bsc": settings.CHAIN_ENDPOINTS["ethereum"]}
        with pytest.raises(Unknown):
            fresh_reader("BEP20").read_transaction("0x" + "ab" * 32)


class TestReplaced:
    @pytest.fixture
    def _no_mining(self, local_chain: LocalChain) -> Iterator[None]:
        local_chain.rpc("evm_setAutomine", False)
        yield
        local_chain.rpc("anvil_dropAllTransactions")
        local_chain.rpc("evm_setAutomine", True)

    @pytest.mark.usefixtures("_no_mining")
    def test_a_pending_transaction_is_waited_for_and_its_replacement_is_noticed(
        self, local_chain: LocalChain, reader: ChainReader, usdt: str
    ) -> None:
        us = local_chain.fresh_address()
        nonce = local_chain.rpc("eth_getTransactionCount", local_chain.accounts[0], "latest")
        txid = local_chain.send_token(usdt, us, 25_000_000, nonce=nonce, gasPrice=hex(10**10), is_mined=False)
        with pytest.raises(Pending) as raised:
            reader.read_transaction(txid)
        mark = raised.value.mark
        assert not reader.is_replaced(txid, mark)

        local_chain.send(to=local_chain.accounts[0], nonce=nonce, gasPrice=hex(10**12), is_mined=False)
        local_chain.mine(1)
        with pytest.raises(NotSeen):
            reader.read_transaction(txid)
        assert not fresh_reader("ETH").is_replaced(txid, mark)  # the other one may still be reorganised away
        local_chain.mine(20)
        assert fresh_reader("ETH").is_replaced(txid, mark)

    def test_a_mined_transaction_is_not_replaced(self, local_chain: LocalChain, reader: ChainReader, usdt: str) -> None:
        txid = local_chain.send_token(usdt, local_chain.fresh_address(), 5)
        local_chain.mine(25)
        assert not reader.is_replaced(txid, f"{local_chain.accounts[0].lower()}:0")
        assert not reader.is_replaced(txid, "")


class TestWatching:
    def test_finds_tokens_and_coins_for_one_address_and_says_where_to_go_on(
        self, local_chain: LocalChain, reader: ChainReader, usdt: str
    ) -> None:
        us, cursor = local_chain.fresh_address(), start(local_chain)
        fake = local_chain.deploy("Token", "USDT", 6)
        paid = {local_chain.send_token(usdt, us, 5): ("USDT", 5), local_chain.send(to=us, value=7): ("ETH", 7)}
        local_chain.send_token(fake, us, 9)
        local_chain.send_token(usdt, us, 0)
        local_chain.send_token(usdt, local_chain.fresh_address(), 5)
        scan = watch(us, cursor)
        assert {one.txid: (one.asset, one.raw_amount) for one in scan.sightings} == paid
        assert all(one.at is not None for one in scan.sightings)
        assert (scan.is_done, scan.blocks_left) == (True, 0)
        local_chain.mine(50)
        again = watch(us, scan.cursor)
        assert {one.asset for one in again.sightings} == {"USDT"}  # logs are read some blocks back: nodes index late
        assert watch(us, again.cursor).sightings == ()

    def test_begins_at_the_time_of_the_first_request(
        self, local_chain: LocalChain, reader: ChainReader, usdt: str
    ) -> None:
        us = local_chain.fresh_address()
        txid = local_chain.send_token(usdt, us, 5)
        local_chain.mine(15)
        assert {one.txid for one in watch_to_the_end(us, "")} == {txid}

    def test_a_long_way_is_gone_in_steps(self, local_chain: LocalChain, reader: ChainReader) -> None:
        cursor = start(local_chain)
        local_chain.mine(40)
        scan = watch(local_chain.fresh_address(), cursor)
        assert (scan.is_done, scan.blocks_left) == (False, 15)
        assert watch(local_chain.fresh_address(), scan.cursor).is_done

    def test_after_a_reorganisation_what_moved_into_blocks_that_were_read_is_found(
        self, local_chain: LocalChain, reader: ChainReader
    ) -> None:
        us = local_chain.fresh_address()
        local_chain.mine(3)
        scan = watch(us, start(local_chain))
        local_chain.mine(3)
        scan = watch(us, scan.cursor)
        local_chain.rpc("anvil_reorg", 4, [[{"from": local_chain.accounts[0], "to": us, "value": hex(7)}, 1]])
        local_chain.rpc("anvil_setTime", int(time.time()))
        (sighting,) = watch_to_the_end(us, scan.cursor)
        assert (sighting.asset, sighting.raw_amount) == ("ETH", 7)

    def test_a_node_that_is_behind_changes_nothing(self, local_chain: LocalChain, reader: ChainReader) -> None:
        number, _, block_hash = start(local_chain).partition(":")
        ahead = f"{int(number) + 3}:{block_hash}"
        scan = watch(local_chain.fresh_address(), ahead)
        assert (scan.sightings, scan.cursor) == ((), ahead)


def start(local_chain: LocalChain) -> str:
    """The cursor of somebody who has read everything."""
    head = local_chain.rpc("eth_getBlockByNumber", "latest", False)
    return f"{int(head['number'], 16) + 1}:{head['hash']}"


def watch_to_the_end(address: str, cursor: str) -> list[Sighting]:
    """What all looks together saw."""
    sightings: list[Sighting] = []
    is_done = False
    while not is_done:
        scan = watch(address, cursor)
        sightings, cursor, is_done = [*sightings, *scan.sightings], scan.cursor, scan.is_done
    return sightings


def watch(address: str, cursor: str) -> Scan:
    """A look with a head that is asked for anew."""
    return fresh_reader("ETH").transfers_to(address, cursor, datetime.now(UTC) - timedelta(minutes=1))
