"""One place has one spelling, whoever names it: a provider's report and our own nodes key one payment alike (F7)."""

import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from lockbay import clock
from payments.chains.addresses import require_address
from payments.models import Deposit
from payments.networks import NETWORKS, normal_address

_EVM = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"
_APTOS = "0x0ad99f398dad7a6a5faefcb85c8e1c2bc7891d0a35922091de9fc513d4b547a4"
_CASH = "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
_TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
_SOLANA = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
_LITECOIN = "M7uBSTV2qNDHDe2tHfNMqhFkZucgRMpJQk"
_OLD_LITECOIN = "31h38a54tFMrR8kzBnP2241MFD2EUHtGha"

SPELLINGS = [
    ("ERC20", _EVM, ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED"]),
    ("BEP20", _EVM, ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"]),
    ("ETH", _EVM, [" 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n"]),
    ("APT", _APTOS, ["0xad99f398dad7a6a5faefcb85c8e1c2bc7891d0a35922091de9fc513d4b547a4", f"0x{_APTOS[2:].upper()}"]),
    ("BCH", _CASH, [_CASH.removeprefix("bitcoincash:"), _CASH.upper(), "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"]),
    ("BTC", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", ["BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"]),
    ("LTC", "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9", ["LTC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KGMN4N9"]),
    ("LTC", _LITECOIN, [_OLD_LITECOIN]),
    ("TRC20", _TRON, [f"  {_TRON} "]),
    ("TRX", _TRON, [f"{_TRON}\n"]),
    ("SOL", _SOLANA, [f"\t{_SOLANA}"]),
]


@pytest.mark.parametrize(("network", "spelled", "others"), SPELLINGS)
def test_every_spelling_of_a_place_is_the_readers(network: str, spelled: str, others: list[str]) -> None:
    chain = NETWORKS[network].chain
    for text in (spelled, *others):
        assert normal_address(NETWORKS[network], text) == require_address(chain, text) == spelled


@pytest.mark.parametrize(("network", "text"), [("TRC20", _TRON.lower()), ("SOL", _SOLANA.upper()), ("BTC", "1AbC")])
def test_what_is_no_address_stays_as_it_was_told(network: str, text: str) -> None:
    assert normal_address(NETWORKS[network], text) == text


@pytest.mark.django_db
def test_deposits_of_before_get_the_one_spelling_unless_it_is_taken() -> None:
    def stored(txid: str, recipient: str) -> Deposit:
        return Deposit.objects.create(
            chain="litecoin", txid=txid, recipient=recipient, asset="LTC", minor=1, first_seen_at=clock.now()
        )

    old, *pair = stored("ab" * 32, _OLD_LITECOIN), stored("cd" * 32, _LITECOIN), stored("cd" * 32, _OLD_LITECOIN)
    spell_alike = importlib.import_module("payments.migrations.0011_one_spelling").spell_alike
    spell_alike(apps, SimpleNamespace(connection=connection))
    assert Deposit.objects.get(pk=old.pk).recipient == _LITECOIN
    assert {Deposit.objects.get(pk=one.pk).recipient for one in pair} == {_LITECOIN, _OLD_LITECOIN}
