"""Strict reading: exact numbers, ASCII digits, ids that any database can store."""

from decimal import Decimal

import pytest

from payments.errors import Unreadable
from payments.networks import NETWORKS, normal_address, normal_txid
from payments.wire import read_amount, read_object, short_id


def test_numbers_are_exact() -> None:
    body = read_object(b'{"a":0.1,"b":1e-7,"c":100,"d":0.30000000000000004}')
    assert body == {"a": Decimal("0.1"), "b": Decimal("1E-7"), "c": 100, "d": Decimal("0.30000000000000004")}
    assert not any(isinstance(value, float) for value in body.values())


@pytest.mark.parametrize("value", [Decimal("0.1"), "0.1", 3, "00012.50", Decimal("1E-18"), 0, "0"])
def test_amounts_that_are_read(value: object) -> None:
    assert read_amount(value) == Decimal(str(value))


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "-1",
        "1e3",
        "1,000",
        "１２",
        "٣",
        "0x10",
        "NaN",
        "1_000",
        "1.",
        ".5",
        "9" * 31,
        -1,
        True,
        None,
        [],
        Decimal("-0.1"),
        Decimal("1e400"),
        Decimal("1e-50"),
        Decimal("-0"),
        10**30,
        {},
        b"1",
    ],
)
def test_amounts_that_are_refused(value: object) -> None:
    with pytest.raises(Unreadable, match="bad_amount"):
        read_amount(value)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 5000, "line\nbreak"])
def test_ids_that_no_database_compares_well_become_digests(text: str) -> None:
    assert short_id(text).startswith("sha256:")
    assert short_id(text) == short_id(text)


@pytest.mark.parametrize(
    ("network", "text", "normal"),
    [
        ("TRC20", "AB" * 32, "ab" * 32),
        ("TRC20", f" 0x{'ab' * 32}\n", "ab" * 32),
        ("ERC20", "AB" * 32, f"0x{'ab' * 32}"),
        ("ERC20", f"0x{'Ab' * 32}", f"0x{'ab' * 32}"),
        ("BTC", "ab" * 31, ""),
        ("BTC", "zz" * 32, ""),
        ("BTC", "", ""),
        ("SOL", "5" * 88, "5" * 88),
        ("SOL", "0" * 88, ""),
    ],
)
def test_transaction_ids_have_one_spelling(network: str, text: str, normal: str) -> None:
    assert normal_txid(NETWORKS[network], text) == normal


def test_addresses_fold_case_only_where_the_chain_does() -> None:
    assert normal_address(NETWORKS["ERC20"], " 0xAB") == "0xab"
    assert normal_address(NETWORKS["TRC20"], "TAb") == "TAb"
    assert normal_address(NETWORKS["BTC"], "BC1QX") == "bc1qx"
    assert normal_address(NETWORKS["BTC"], "1AbC") == "1AbC"
