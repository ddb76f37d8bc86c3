"""Every chain's addresses: published vectors, one spelling, and no slip of a finger gets through a checksum."""

import string

import pytest
from embit import base58
from hypothesis import assume, given
from hypothesis import strategies as st

from payments.chains import cashaddr
from payments.chains.addresses import (
    CHAINS,
    checksummed_evm,
    is_same_address,
    padded_aptos,
    require_address,
    tron_of_hex,
)
from payments.chains.base import MalformedAddress
from tests.payments.chains import vectors


def in_base58(version: int, digest: bytes = bytes(range(20))) -> str:
    return base58.encode_check(bytes([version]) + digest)


GENESIS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
LITECOIN = "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9"
APTOS = "0x043ec2c4b9a1ea1e3e9c22a2a2c0a7b1bb0a4f0f4d2b3b43ad9b5d1c1ee0aa11"
CHECKSUMMED = [
    ("bitcoin", GENESIS),
    ("bitcoin", vectors.SEGWIT_GOOD[0].lower()),
    ("bitcoin", vectors.SEGWIT_GOOD[4]),
    ("litecoin", LITECOIN),
    ("litecoin", in_base58(0x30)),
    ("litecoin", in_base58(0x32)),
    ("dogecoin", in_base58(0x1E)),
    ("dogecoin", in_base58(0x16)),
    ("bitcoincash", vectors.CASHADDR_PAIRS[0][1]),
    ("bitcoincash", vectors.CASHADDR_PAIRS[3][1].removeprefix("bitcoincash:")),
    ("bitcoincash", vectors.CASHADDR_PAIRS[0][0]),
    ("tron", vectors.TRON_USDT),
    ("cellframe", vectors.CELLFRAME_GOOD[0]),
]
ONE_OF_EACH = dict(CHECKSUMMED) | {
    "ethereum": vectors.EVM_GOOD[0],
    "bsc": vectors.EVM_GOOD[1],
    "solana": vectors.SOLANA_USDC,
    "aptos": APTOS,
}


def reason_of(chain: str, text: str) -> str:
    with pytest.raises(MalformedAddress) as refusal:
        require_address(chain, text)
    assert refusal.value.args[0] == chain
    return refusal.value.args[1]


@pytest.mark.parametrize("address", vectors.SEGWIT_GOOD)
def test_good_segwit_addresses_come_out_in_lower_case(address):
    assert require_address("bitcoin", address) == address.lower()


@pytest.mark.parametrize("address", vectors.SEGWIT_BAD)
def test_bad_segwit_addresses_are_refused_on_every_chain(address):
    for chain in CHAINS:
        reason_of(chain, address)


@pytest.mark.parametrize("address", vectors.EVM_GOOD)
def test_an_evm_address_is_the_same_in_any_consistent_case(address):
    spellings = {address, address.lower(), "0x" + address[2:].upper(), f"  {address}\n"}
    assert {require_address("ethereum", spelling) for spelling in spellings} == {address.lower()}
    assert checksummed_evm(address.lower()) == address


@pytest.mark.parametrize("address", vectors.EVM_GOOD[:4])
def test_one_letter_in_the_wrong_case_breaks_the_evm_checksum(address):
    for place in range(2, 42):
        if address[place].isalpha():
            wrong = address[:place] + address[place].swapcase() + address[place + 1 :]
            assert reason_of("bsc", wrong) == "wrong_checksum"


@pytest.mark.parametrize("address", vectors.EVM_GOOD[:4])
def test_one_other_digit_breaks_the_evm_checksum(address):
    for place in range(2, 42):
        for digit in set(string.hexdigits) - {address[place]}:
            reason_of("ethereum", address[:place] + digit + address[place + 1 :])


@pytest.mark.parametrize(("legacy", "modern"), vectors.CASHADDR_PAIRS)
def test_every_spelling_of_a_bitcoin_cash_address_becomes_one(legacy, modern):
    bare = modern.removeprefix("bitcoincash:")
    for spelling in (legacy, modern, bare, modern.upper(), bare.upper(), f" {modern} "):
        assert require_address("bitcoincash", spelling) == modern


@pytest.mark.parametrize(("kind", "address", "digest"), vectors.CASHADDR_PAYLOADS)
def test_cashaddr_reads_and_writes_the_table_of_its_specification(kind, address, digest):
    prefix = address.partition(":")[0]
    assert cashaddr.decode(prefix, address) == (kind, bytes.fromhex(digest))
    assert cashaddr.encode(prefix, kind, bytes.fromhex(digest)) == address


@pytest.mark.parametrize(
    "address",
    [
        "bitcoincash:qpzry9x8gf2tvdw0s3jn54khce6mua7lcw20ayyn",  # good checksum, no payload
        "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t",  # another network
        "bitcoincash:Qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",  # mixed case
        "bitcoincash:",
        "bitcoincash:bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
        "zpm2qsznhks23z7629mms6s4cwef74vcwvrqekrq9w",  # made for tokens
        "bitcoincash:q9adhakpwzztepkpwp5z0dq62m6u5v5xtyj7j3h2ws4mr9g0",  # 24 bytes: nothing we could pay
        in_base58(0x1E),
    ],
)
def test_other_cashaddr_texts_are_refused(address):
    reason_of("bitcoincash", address)


def test_litecoins_old_script_addresses_become_the_new_ones():
    assert require_address("litecoin", in_base58(0x05)) == in_base58(0x32)
    assert in_base58(0x32).startswith("M")


def test_the_addresses_in_litecoins_mimblewimble_blocks_are_refused():
    reason_of("litecoin", "ltcmweb1qqvsc0qkz4xa0vzy4nxyz")


@pytest.mark.parametrize(("chain", "address"), ONE_OF_EACH.items())
def test_an_address_of_one_chain_is_none_of_another(chain, address):
    same_format = [{"ethereum", "bsc"}, {"bitcoin", "bitcoincash", "litecoin"} if chain == "bitcoincash" else set()]
    for other in CHAINS - {chain}:
        if not any({chain, other} <= family for family in same_format):
            reason_of(other, address)


@pytest.mark.parametrize(("chain", "address"), ONE_OF_EACH.items())
def test_blanks_around_an_address_do_not_matter_and_inside_they_do(chain, address):
    assert is_same_address(chain, f"\t {address}\r\n", address)
    reason_of(chain, f"{address[:9]} {address[9:]}")


@pytest.mark.parametrize("chain", sorted(CHAINS))
@pytest.mark.parametrize("text", ["", "   ", "x", "0x", "1", "ü" * 34, "0" * 5000, "🂡", "bc1", "\x00" * 34])
def test_nonsense_is_refused_on_every_chain(chain, text):
    reason_of(chain, text)


@pytest.mark.parametrize(("chain", "address"), [("tron", vectors.TRON_USDT), ("solana", vectors.SOLANA_USDC)])
def test_case_matters_on_tron_and_solana(chain, address):
    assert not is_same_address(chain, address, address.swapcase())
    assert not is_same_address(chain, address, address.lower())


def test_aptos_addresses_are_padded_and_folded():
    short = "0x" + APTOS[3:].upper()
    assert require_address("aptos", short) == require_address("aptos", APTOS) == padded_aptos(APTOS[3:]) == APTOS


@pytest.mark.parametrize("text", [APTOS[2:], APTOS[:40], APTOS + "0", "0xg" + APTOS[3:]])
def test_a_cut_off_aptos_address_is_not_padded_into_somebody_elses(text):
    assert reason_of("aptos", text) == "wrong_format"


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("ethereum", "0x" + "0" * 40),
        ("bsc", "0x000000000000000000000000000000000000dEaD"),
        ("aptos", "0x1"),
        ("tron", tron_of_hex("41" + "00" * 20)),
        ("solana", "1" * 32),
        ("solana", "1nc1nerator11111111111111111111111111111111"),
    ],
)
def test_an_address_whose_keys_nobody_holds_is_refused(chain, address):
    assert reason_of(chain, address) == "nobodys"


def test_trons_hexadecimal_forms_name_the_same_place():
    digits = "a614f803b6fd780986a42c78ec9c7f77e6ded13c"
    assert tron_of_hex(digits) == tron_of_hex("41" + digits) == vectors.TRON_USDT
    for text in ("", "zz", digits[2:], "42" + digits):
        with pytest.raises(ValueError):
            tron_of_hex(text)


@pytest.mark.parametrize("address", vectors.CELLFRAME_GOOD)
def test_cellframe_addresses_carry_their_own_checksum(address):
    assert require_address("cellframe", address) == address
    assert reason_of("cellframe", address[:-1] + "3") == "wrong_checksum"


def test_a_cellframe_address_of_another_net_is_refused():
    kelvpn = "Rj7J7MjNgdr8DX5ECdLLkdmYJ1j3tFghMqXv6sGtiaKmFV7rVnRZ5sLkknnxhyZzSsdnUUQdmzoyLC2eh45xCfm1u5GJpKcNtXD3RPxd"
    assert reason_of("cellframe", kelvpn) == "wrong_format"


@pytest.mark.parametrize(("chain", "address"), CHECKSUMMED)
@given(data=st.data())
def test_any_single_changed_character_is_refused(chain, address, data):
    place = data.draw(st.integers(0, len(address) - 1))
    letter = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    assume(letter != address[place])
    assert reason_of(chain, address[:place] + letter + address[place + 1 :])


@given(st.text(max_size=120))
def test_no_text_breaks_a_reader(text):
    for chain in CHAINS:
        try:
            address = require_address(chain, text)
        except MalformedAddress:
            continue
        assert require_address(chain, address) == address


@given(st.binary(min_size=20, max_size=20), st.sampled_from([0, 1]))
def test_bitcoin_cash_addresses_survive_a_round_trip(digest, kind):
    address = cashaddr.encode("bitcoincash", kind, digest)
    assert cashaddr.decode("bitcoincash", address) == (kind, digest)
    assert require_address("bitcoincash", in_base58([0x00, 0x05][kind], digest)) == address
