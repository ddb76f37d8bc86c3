"""Addresses of every chain: checked by the chain's own format and checksum, in the one spelling we compare (P8).

The spelling: EVM lower case, Aptos `0x` and 64 lower-case digits, bech32 and CashAddr lower case (CashAddr with its
prefix), everything in base58 exactly as it is. Legacy spellings of the same place (Bitcoin Cash in base58, Litecoin's
old `3…`) become the modern one.
"""

import hashlib
import re
from collections.abc import Callable

from Crypto.Hash import keccak
from embit import base58, bech32

from payments.chains import cashaddr
from payments.chains.base import MalformedAddress

_LONGEST = 128
_EVM = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_APTOS = re.compile(r"0x([0-9a-fA-F]|[0-9a-fA-F]{60,64})", re.ASCII)
_BACKBONE = bytes([1]) + 0x0404_2022_0000_0000.to_bytes(8, "little")  # version and net id, both in every address
_TRON_VERSION = 0x41
_P2PKH, _P2SH = 0, 1
_CASH = "bitcoincash"

# Nobody holds the keys of these: money sent there is gone.
_NOBODYS = {
    "0x" + "0" * 40,
    "0x000000000000000000000000000000000000dead",
    "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb",
    "1" * 32,
    "1nc1nerator11111111111111111111111111111111",
    *(f"0x{digit:064x}" for digit in range(16)),
}


def require_address(chain: str, text: str) -> str:
    """The one spelling of `text`, surrounding blanks aside.

    Raises: MalformedAddress(chain, reason) with reason empty, wrong_format, wrong_checksum or nobodys; KeyError for a
    chain we do not know.
    """
    read = _READERS[chain]
    cleaned = text.strip()
    if not cleaned:
        raise MalformedAddress(chain, "empty")
    if len(cleaned) > _LONGEST or not cleaned.isascii():
        raise MalformedAddress(chain, "wrong_format")
    address = read(chain, cleaned)
    if address in _NOBODYS:
        raise MalformedAddress(chain, "nobodys")
    return address


def is_same_address(chain: str, one: str, other: str) -> bool:
    """True when both are good addresses of `chain` and name the same place."""
    try:
        return require_address(chain, one) == require_address(chain, other)
    except MalformedAddress:
        return False


def checksummed_evm(address: str) -> str:
    """The EIP-55 spelling of `0x` and 40 hex digits."""
    digits = address[2:].lower()
    digest = keccak.new(data=digits.encode(), digest_bits=256).hexdigest()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, digest, strict=False)
    )


def padded_aptos(text: str) -> str:
    """`0x` and 64 lower-case digits of a hexadecimal text of any length: nodes drop leading zeros."""
    return "0x" + text.lower().removeprefix("0x").rjust(64, "0")


def tron_of_hex(text: str) -> str:
    """The base58 spelling of Tron's 21-byte form (`41…`) or of the 20 bytes in an event. Raises: ValueError."""
    raw = bytes.fromhex(text)
    if len(raw) == 20:
        raw = bytes([_TRON_VERSION]) + raw
    if len(raw) != 21 or raw[0] != _TRON_VERSION:
        raise ValueError(text[:44])
    return str(base58.encode_check(raw))


def _read_evm(chain: str, text: str) -> str:
    if not _EVM.fullmatch(text):
        raise MalformedAddress(chain, "wrong_format")
    digits = text[2:]
    is_mixed = digits not in {digits.lower(), digits.upper()}
    if is_mixed and text != checksummed_evm(text):
        raise MalformedAddress(chain, "wrong_checksum")
    return text.lower()


def _read_aptos(chain: str, text: str) -> str:
    # A cut-off address would be padded into somebody else's: at most four leading zeros may be missing (AIP-40).
    if not _APTOS.fullmatch(text):
        raise MalformedAddress(chain, "wrong_format")
    return padded_aptos(text)


def _read_tron(chain: str, text: str) -> str:
    if _base58check(chain, text)[0] != _TRON_VERSION:
        raise MalformedAddress(chain, "wrong_format")
    return text


def _read_solana(chain: str, text: str) -> str:
    if not 32 <= len(text) <= 44 or len(_base58(chain, text)) != 32:
        raise MalformedAddress(chain, "wrong_format")
    return text


def _read_cellframe(chain: str, text: str) -> str:
    # version 1, net id 8, kind of key 4, hash of the key 32, SHA3-256 of all that
    raw = _base58(chain, text)
    if len(raw) != 77 or not raw.startswith(_BACKBONE):
        raise MalformedAddress(chain, "wrong_format")
    if hashlib.sha3_256(raw[:45]).digest() != raw[45:]:
        raise MalformedAddress(chain, "wrong_checksum")
    return text


def _read_bitcoin(chain: str, text: str) -> str:
    return _read_segwit(chain, text, "bc") or _read_legacy(chain, text, {0x00: 0x00, 0x05: 0x05})


def _read_litecoin(chain: str, text: str) -> str:
    return _read_segwit(chain, text, "ltc") or _read_legacy(chain, text, {0x30: 0x30, 0x32: 0x32, 0x05: 0x32})


def _read_dogecoin(chain: str, text: str) -> str:
    return _read_legacy(chain, text, {0x1E: 0x1E, 0x16: 0x16})


def _read_bitcoincash(chain: str, text: str) -> str:
    if text[0] in "13":
        raw = _base58check(chain, text)
        if raw[0] not in {0x00, 0x05}:
            raise MalformedAddress(chain, "wrong_format")
        return cashaddr.encode(_CASH, _P2SH if raw[0] else _P2PKH, raw[1:])
    decoded = cashaddr.decode(_CASH, text)
    if decoded is None:
        raise MalformedAddress(chain, "wrong_checksum")
    kind, digest = decoded
    if (kind, len(digest)) not in {(_P2PKH, 20), (_P2SH, 20), (_P2SH, 32)}:
        raise MalformedAddress(chain, "wrong_format")
    return cashaddr.encode(_CASH, kind, digest)


def _read_segwit(chain: str, text: str, prefix: str) -> str:
    """ "" when `text` is no segwit address of this chain at all."""
    if not text.lower().startswith(f"{prefix}1"):
        return ""
    version, _ = bech32.decode(prefix, text)
    if version is None:
        raise MalformedAddress(chain, "wrong_checksum")
    return text.lower()


def _read_legacy(chain: str, text: str, versions: dict[int, int]) -> str:
    """`versions`: the version byte as read → as we spell it."""
    raw = _base58check(chain, text)
    if raw[0] not in versions:
        raise MalformedAddress(chain, "wrong_format")
    return str(base58.encode_check(bytes([versions[raw[0]], *raw[1:]])))


def _base58check(chain: str, text: str) -> bytes:
    """The 21 bytes of a base58check address: the version and a hash. Raises: MalformedAddress."""
    raw = _base58(chain, text)
    if len(raw) != 25:
        raise MalformedAddress(chain, "wrong_format")
    try:
        return bytes(base58.decode_check(text))
    except ValueError:
        raise MalformedAddress(chain, "wrong_checksum") from None


def _base58(chain: str, text: str) -> bytes:
    try:
        return bytes(base58.decode(text))
    except ValueError:
        raise MalformedAddress(chain, "wrong_format") from None


_READERS: dict[str, Callable[[str, str], str]] = {
    "ethereum": _read_evm,
    "bsc": _read_evm,
    "tron": _read_tron,
    "solana": _read_solana,
    "aptos": _read_aptos,
    "bitcoin": _read_bitcoin,
    "litecoin": _read_litecoin,
    "dogecoin": _read_dogecoin,
    "bitcoincash": _read_bitcoincash,
    "cellframe": _read_cellframe,
}
CHAINS = frozenset(_READERS)
