"""Deposit addresses and transaction ids that look like the network's own; every address says SANDBOX."""

import secrets

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_HEX = "0123456789abcdef"

# network → (prefix, alphabet, length without prefix)
_SHAPES = {
    "TRC20": ("T", _BASE58, 33),
    "ERC20": ("0x", _HEX, 40),
    "BEP20": ("0x", _HEX, 40),
    "BTC": ("bc1q", _BECH32, 38),
    "LTC": ("ltc1q", _BECH32, 38),
    "DOGE": ("D", _BASE58, 33),
    "BCH": ("q", _BECH32, 41),
    "SOL": ("", _BASE58, 44),
    "APT": ("0x", _HEX, 64),
}
_QR_SCHEMES = {"BTC": "bitcoin", "LTC": "litecoin", "DOGE": "dogecoin", "BCH": "bitcoincash"}


def create_address(network: str) -> str:
    """A fresh address; nothing can ever be sent to it by accident, since no chain accepts the word in front."""
    prefix, alphabet, length = _SHAPES.get(network.upper(), ("", _BASE58, 34))
    return "SANDBOX" + prefix + _random(alphabet, length)


def create_txid(network: str) -> str:
    """A fresh transaction id in the network's format."""
    network = network.upper()
    if network == "SOL":
        return _random(_BASE58, 88)
    return ("0x" if network in ("ERC20", "BEP20", "APT") else "") + secrets.token_hex(32)


def qr_text_of(network: str, address: str, amount: str) -> str:
    """What the QR image holds: a payment link where the network has one, else the bare address."""
    scheme = _QR_SCHEMES.get(network.upper())
    return f"{scheme}:{address}?amount={amount}" if scheme else address


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
