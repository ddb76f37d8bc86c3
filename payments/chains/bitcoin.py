"""Bitcoin, Litecoin, Dogecoin and Bitcoin Cash, read from Esplora or Blockchair.

All outputs to one address are one transfer. A transaction that is in no block yet can be replaced: it is Pending, and
its mark is the output that it spends, by which a replacement is recognised (F28).
"""

from typing import ClassVar

from payments.chains.addresses import require_address
from payments.chains.base import MalformedAddress, NotSeen, Pending, Transfer, Unknown
from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.explorers import Facts, explorer_of
from payments.chains.reading import Moves, NodeReader, Position

_COINBASE_MATURES = 100


class Bitcoin(NodeReader):
    """Amounts in satoshi."""

    chain = "bitcoin"
    networks = ("BTC",)
    native_asset = "BTC"
    native_digits = 8
    confirmations_needed = 2
    max_lag = 2
    # A block that only this chain has: Bitcoin and Bitcoin Cash begin with the same one.
    landmark: ClassVar[tuple[int, str]] = (478_559, "00000000000000000019f112ec0a9982926f1258cdcc558dd7c3b7e5dc7fa148")

    def is_replaced(self, txid: str, mark: str) -> bool:
        """True when another transaction that spends the same output is as deep as we wait for a payment.

        Raises: nothing; unsure is False.
        """
        spent, _, index = mark.partition(":")
        if not index.isascii() or not index.isdigit():
            return False
        try:
            spender = self._pool.ask_agreed(
                lambda endpoint: self._deep_spender(endpoint, spent, int(index)), lambda told: told
            )
        except (NotSeen, Unknown):
            return False
        return spender not in {"", txid}

    def _deep_spender(self, endpoint: Endpoint, txid: str, index: int) -> str:
        spender = explorer_of(endpoint).spender(endpoint, txid, index)
        if spender is None or endpoint.head - spender.height < self.confirmations_needed:
            return ""
        return spender.txid

    def _read_head(self, endpoint: Endpoint) -> int:
        self._require_landmark(endpoint, *self.landmark)
        return explorer_of(endpoint).head(endpoint)

    def _read_block_hash(self, endpoint: Endpoint, number: int) -> str:
        return explorer_of(endpoint).block_hash(endpoint, number)

    def _read(self, endpoint: Endpoint, txid: str) -> tuple[Transfer, ...]:
        facts = explorer_of(endpoint).facts(endpoint, txid)
        if facts.txid != txid:
            raise NodeFault("wrong_answer", "another transaction")
        if facts.height is None:
            raise Pending(txid, facts.spends)
        moves = Moves()
        for output in facts.outputs:
            try:
                moves.add("", require_address(self.chain, output.address), output.raw_amount)
            except MalformedAddress:
                continue  # data, a bare script, a form of address that we never give out
        return moves.transfers(self, txid, self._position(endpoint, facts, facts.height))

    def _position(self, endpoint: Endpoint, facts: Facts, height: int) -> Position:
        confirmations = max(0, endpoint.head - height)
        needed = _COINBASE_MATURES if facts.is_coinbase else self.confirmations_needed
        return Position(
            block_number=height,
            block_hash=facts.block_hash,
            block_time=facts.block_time,
            confirmations=confirmations,
            is_final=confirmations >= needed,
        )


class Litecoin(Bitcoin):
    """Amounts in litoshi."""

    chain = "litecoin"
    networks = ("LTC",)
    native_asset = "LTC"
    confirmations_needed = 6
    max_lag = 6
    landmark = (0, "12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2")


class Dogecoin(Bitcoin):
    """Amounts in koinu, 1e-8 DOGE."""

    chain = "dogecoin"
    networks = ("DOGE",)
    native_asset = "DOGE"
    confirmations_needed = 20
    max_lag = 12
    landmark = (0, "1a91e3dace36e2be3bf030a65679fe821aa1d6ef92e7c9902eb318182c355691")


class BitcoinCash(Bitcoin):
    """Amounts in satoshi; addresses in the form of CashAddr, with their prefix."""

    chain = "bitcoincash"
    networks = ("BCH",)
    native_asset = "BCH"
    confirmations_needed = 10
    max_lag = 2
    landmark = (556_767, "0000000000000000004626ff6e3b936941d341c5932ece4357eeccac44e6d56c")
