"""The allow-list names real contracts in the spelling that readers compare with, and nothing but its own digits."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from payments import chains
from payments.chains import READERS
from payments.chains.addresses import require_address
from payments.chains.tokens import contracts_of, token_of, tokens_on

WITH_ADDRESSES = ("ethereum", "bsc", "tron", "solana", "aptos")


@pytest.mark.parametrize("chain", WITH_ADDRESSES)
def test_contracts_are_good_addresses_in_the_normal_spelling(chain: str) -> None:
    contracts = [token.contract for token in tokens_on(chain)]
    assert contracts
    assert [require_address(chain, contract) for contract in contracts] == contracts


@pytest.mark.parametrize(
    ("chain", "contract", "digits"),
    [
        ("ethereum", "0xdAC17F958D2ee523a2206206994597C13D831ec7", 6),
        ("bsc", "0x55d398326f99059fF775485246999027B3197955", 18),
        ("tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", 6),
    ],
)
def test_usdt_has_the_digits_of_its_chain(chain: str, contract: str, digits: int) -> None:
    token = token_of(chain, require_address(chain, contract))
    assert token is not None
    assert (token.asset, token.digits) == ("USDT", digits)
    assert {"USDT", "BSC-USD", "USD"} <= set(token.display_names)


def test_a_contract_counts_on_its_own_chain_alone() -> None:
    (usdt,) = contracts_of("ethereum", "USDT")
    assert token_of("bsc", usdt) is None


def test_local_test_contracts_are_added_by_setting(settings: Settings) -> None:
    settings.CHAIN_TEST_TOKENS = ["aptos:USDT:0x1::coin::T:8"]
    token = token_of("aptos", "0x1::coin::T")
    assert token is not None
    assert (token.asset, token.digits) == ("USDT", 8)


@pytest.mark.parametrize("text", ["", "ethereum", "ethereum:USDT:0xab", "ethereum:USDT:0xab:six", "ethereum:USDT::6"])
def test_a_malformed_test_token_is_named(settings: Settings, text: str) -> None:
    settings.CHAIN_TEST_TOKENS = [text]
    with pytest.raises(ImproperlyConfigured, match="CHAIN_TEST_TOKENS"):
        tokens_on("ethereum")


def test_every_reader_is_found_by_its_chain_and_by_each_of_its_networks() -> None:
    for chain in READERS:
        reader = chains.reader_of_chain(chain)
        assert reader.chain == chain
        assert all(chains.reader_of_network(network) is reader for network in reader.networks)


@pytest.mark.parametrize("find", [chains.reader_of_chain, chains.reader_of_network])
def test_a_chain_nobody_reads_is_named(find: object) -> None:
    assert callable(find)
    with pytest.raises(chains.UnknownChain, match="dodgy"):
        find("dodgy")
