"""The table of chain readers, by chain and by network. A reader is made once per process: it holds its nodes."""

from functools import cache

from django.utils.module_loading import import_string

from payments.chains.base import ChainReader, UnknownChain
from payments.networks import NETWORKS

READERS: dict[str, str] = {
    "ethereum": "payments.chains.evm.Ethereum",
    "bsc": "payments.chains.evm.Bsc",
    "tron": "payments.chains.tron.Tron",
    "solana": "payments.chains.solana.Solana",
    "aptos": "payments.chains.aptos.Aptos",
    "bitcoin": "payments.chains.bitcoin.Bitcoin",
    "litecoin": "payments.chains.bitcoin.Litecoin",
    "dogecoin": "payments.chains.bitcoin.Dogecoin",
    "bitcoincash": "payments.chains.bitcoin.BitcoinCash",
    "cellframe": "payments.chains.cellframe.Cellframe",
}


def reader_of_chain(chain: str) -> ChainReader:
    """The reader of a chain, e.g. "ethereum". Raises: UnknownChain."""
    if chain not in READERS:
        raise UnknownChain(chain[:40])
    return _reader(chain)


def reader_of_network(network: str) -> ChainReader:
    """The reader of a network, e.g. "ERC20". Raises: UnknownChain."""
    if network not in NETWORKS:
        raise UnknownChain(network[:40])
    return reader_of_chain(NETWORKS[network].chain)


def forget_readers() -> None:
    """Makes them anew, with fresh pools and breakers: between tests, after settings changed."""
    _reader.cache_clear()


@cache
def _reader(chain: str) -> ChainReader:
    reader: ChainReader = import_string(READERS[chain])()
    return reader
