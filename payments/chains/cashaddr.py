"""CashAddr, the address format of Bitcoin Cash: its own base-32 checksum of 40 bits, which also covers the prefix.

`decode` reads any payload the format allows; which of them we pay to or are paid on is decided by whoever calls.
"""

from embit import bech32

_GENERATOR = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_CHECKSUM_LENGTH = 8
_SIZES = (20, 24, 28, 32, 40, 48, 56, 64)  # bytes of hash, by the three low bits of the version


def decode(prefix: str, text: str) -> tuple[int, bytes] | None:
    """(type, hash) of a CashAddr with or without its `prefix:`; None when it is none.

    Upper or lower case, never mixed.
    """
    if not text.isascii() or text not in {text.lower(), text.upper()}:
        return None
    named, colon, body = text.lower().rpartition(":")
    if (colon and named != prefix) or not set(body) <= set(bech32.CHARSET):
        return None
    digits = [bech32.CHARSET.index(character) for character in body]
    if len(digits) <= _CHECKSUM_LENGTH or _checksum(prefix, digits):
        return None
    payload = bech32.convertbits(digits[:-_CHECKSUM_LENGTH], 5, 8, False)
    if not payload or payload[0] & 0x80 or len(payload) - 1 != _SIZES[payload[0] & 7]:
        return None
    return payload[0] >> 3, bytes(payload[1:])


def encode(prefix: str, kind: int, digest: bytes) -> str:
    """The CashAddr of a hash of 20, 24, … 64 bytes, with its prefix. Raises: ValueError for another length."""
    digits = bech32.convertbits([kind << 3 | _SIZES.index(len(digest)), *digest], 8, 5)
    checksum = _checksum(prefix, [*digits, *[0] * _CHECKSUM_LENGTH])
    digits += [checksum >> 5 * place & 31 for place in reversed(range(_CHECKSUM_LENGTH))]
    return f"{prefix}:" + "".join(bech32.CHARSET[digit] for digit in digits)


def _checksum(prefix: str, digits: list[int]) -> int:
    """Zero for a good address."""
    remainder = 1
    for value in [*(ord(character) & 31 for character in prefix), 0, *digits]:
        top = remainder >> 35
        remainder = (remainder & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                remainder ^= generator
    return remainder ^ 1
