"""Nodes of every chain on a recorded wire: what they answer by route, and what they were asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lockbay import http
from payments.chains import aptos, bitcoin, cellframe, solana, tron
from payments.chains.reading import NodeReader

FIXTURES = Path(__file__).parent / "fixtures"
HTML = b"<html><title>502 Bad Gateway</title></html>"


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


@dataclass(frozen=True)
class RpcError:
    """A JSON-RPC error inside HTTP 200."""

    code: int
    message: str = "no"


@dataclass(frozen=True)
class Missing:
    """HTTP 404 with a body."""

    body: Any


class Nodes:
    """Answers by routes: the last one all of whose words occur in "METHOD host path?query body" counts.

    An answer is JSON, text, bytes, a status, an exception, an RpcError or Missing.
    """

    def __init__(self, routes):
        self.routes = list(routes)
        self.asked = []

    def set(self, words, answer):
        self.routes.append((words, answer))

    def __call__(self, request):
        body = request.content.decode()
        line = f"{request.method} {request.url.host} {request.url.raw_path.decode()} {body}"
        self.asked.append(line)
        fitting = (answer for words, answer in reversed(self.routes) if all(word in line for word in words.split()))
        answer = next(fitting, None)  # a question that no scene expects is refused
        if answer is None:
            return _response(400, HTML)
        return self._answer(answer, body)

    def _answer(self, answer, body):
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int) and not isinstance(answer, bool):
            return _response(answer, HTML)
        if isinstance(answer, bytes | str):
            return _response(200, answer)
        if isinstance(answer, Missing):
            return _response(404, answer.body if isinstance(answer.body, str) else json.dumps(answer.body))
        if '"jsonrpc"' in body:
            answer = _rpc(answer, json.loads(body)["id"])
        return _response(200, json.dumps(answer))


def _response(status, content):
    """A body that comes as a stream, as from a socket."""
    raw = content.encode() if isinstance(content, str) else content
    return http.Response(status, stream=httpx.ByteStream(raw))


def _rpc(answer, request_id):
    head = {"jsonrpc": "2.0", "id": request_id}
    if isinstance(answer, RpcError):
        return {**head, "error": {"code": answer.code, "message": answer.message}}
    return {**head, "result": None if answer == "null" else answer.get("value", answer)}


@dataclass(frozen=True)
class Scene:
    """A chain with one good payment on it. `asset` and `raw_amount` are what `txid` brought to `address`."""

    reader: type[NodeReader]
    url: str
    txid: str
    address: str
    asset: str
    raw_amount: int
    routes: list = field(default_factory=list)
    unknown: tuple = ()  # the routes of a node that does not know the transaction
    other_chain: tuple = ()  # the route by which a node shows that it serves another chain
    payment: str = ""  # words of the route that answers the transaction


@contextmanager
def playing(scene: Scene, settings, *, urls=None) -> Iterator[tuple[NodeReader, Nodes]]:
    """The reader of a scene on its wire; pauses take no time."""
    settings.CHAIN_ENDPOINTS = {scene.reader.chain: urls or [scene.url]}
    nodes = Nodes(scene.routes)
    http.use_transport(http.MockTransport(nodes))
    reader = scene.reader()
    reader._pool.sleep = lambda pause: None
    try:
        yield reader, nodes
    finally:
        http.use_transport(None)


def _tron() -> Scene:
    return Scene(
        reader=tron.Tron,
        url="https://tron.test",
        txid="83109461a57185f54fdc6959ed9d03785743a71b5fe0161a85c3d581e59f523d",
        address="TQpgyGhLQSbtomi1Dcf6PvftoAdrkrK6eF",
        asset="USDT",
        raw_amount=105_310_000,
        routes=[
            ("/wallet/getblock", recorded("tron/block__head")),
            ('/wallet/getblock "id_or_num":"0"', recorded("tron/block__genesis")),
            ('/wallet/getblock "id_or_num":"79200000"', recorded("tron/block__payment")),
            ("/wallet/gettransactionbyid", recorded("tron/sent__token")),
            ("/wallet/gettransactioninfobyid", recorded("tron/done__token")),
            ("/walletsolidity/gettransactioninfobyid", recorded("tron/done__token")),
        ],
        unknown=(("/gettransaction", {}),),
        other_chain=('/wallet/getblock "id_or_num":"0"', recorded("tron/block__payment")),
        payment="/wallet/gettransactionbyid",
    )


def _solana() -> Scene:
    return Scene(
        reader=solana.Solana,
        url="https://solana.test/rpc",
        txid="4e8v4U3jh2kz1AxbHLU9BBA51NbVncVoxZxBswrtVJDii7h2hGUgy2YTfLKgAy4wwzPHi2x9wzxB3iSWLLHA3vKa",
        address="CsxbH6h2CbJde8mspitPzcyaTwHBbZZR6NLFAKTPnEQP",
        asset="USDC",
        raw_amount=105_310_000,
        routes=[
            ("getGenesisHash", {"value": "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"}),
            ("getSlot", {"value": 392_000_040}),
            ("getBlock", recorded("solana/block")),
            ("getTransaction", recorded("solana/token")),
        ],
        unknown=(("getTransaction", {"value": None}),),
        other_chain=("getGenesisHash", {"value": "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"}),
        payment="getTransaction",
    )


def _aptos() -> Scene:
    return Scene(
        reader=aptos.Aptos,
        url="https://aptos.test/v1",
        txid="0xdf59cdc9e3670d4156fe7cab001cd0b84257e819d3ca9febb770b2dc0490ba62",
        address="0x0ad99f398dad7a6a5faefcb85c8e1c2bc7891d0a35922091de9fc513d4b547a4",
        asset="USDT",
        raw_amount=105_310_000,
        routes=[
            ("GET /v1/", recorded("aptos/ledger")),
            ("/transactions/by_hash/", recorded("aptos/token")),
            ("/blocks/by_version/2747361321", recorded("aptos/block")),
            ("/blocks/by_height/412000000", recorded("aptos/block")),
        ],
        unknown=(("/transactions/by_hash/", Missing(recorded("aptos/unknown"))),),
        other_chain=("GET /v1/", {**recorded("aptos/ledger"), "chain_id": 2}),
        payment="/transactions/by_hash/",
    )


def _bitcoin() -> Scene:
    payment = recorded("esplora/native")
    return Scene(
        reader=bitcoin.Bitcoin,
        url="https://esplora.test/api",
        txid=payment["txid"],
        address=payment["vout"][0]["scriptpubkey_address"],
        asset="BTC",
        raw_amount=115_000,
        routes=[
            ("/blocks/tip/height", "930003"),
            ("/block-height/478559", bitcoin.Bitcoin.landmark[1]),
            ("/block-height/930000", payment["status"]["block_hash"]),
            ("/tx/", payment),
        ],
        unknown=(("/tx/", Missing("Transaction not found")),),
        other_chain=("/block-height/478559", bitcoin.BitcoinCash.landmark[1]),
        payment="/tx/",
    )


def _litecoin() -> Scene:
    return Scene(
        reader=bitcoin.Litecoin,
        url="https://litecoin.test/api",
        txid=recorded("esplora/litecoin")["txid"],
        address=recorded("esplora/litecoin")["vout"][0]["scriptpubkey_address"],
        asset="LTC",
        raw_amount=210_000_000,
        routes=[
            ("/blocks/tip/height", "3030006"),
            ("/block-height/3030000", recorded("esplora/litecoin")["status"]["block_hash"]),
            ("/block-height/0", bitcoin.Litecoin.landmark[1]),
            ("/tx/", recorded("esplora/litecoin")),
        ],
        unknown=(("/tx/", Missing("Transaction not found")),),
        other_chain=("/block-height/0", bitcoin.Dogecoin.landmark[1]),
        payment="/tx/",
    )


def _dogecoin() -> Scene:
    payment = next(iter(recorded("blockchair/dogecoin")["data"].values()))
    return Scene(
        reader=bitcoin.Dogecoin,
        url="https://api.blockchair.test/dogecoin",
        txid=payment["transaction"]["hash"],
        address=payment["outputs"][0]["recipient"],
        asset="DOGE",
        raw_amount=15_000_000_000,
        routes=[
            ("/stats", recorded("blockchair/stats")),
            ("/dashboards/block/0", recorded("blockchair/dogecoin__landmark")),
            ("/dashboards/block/6000000", recorded("blockchair/dogecoin__block")),
            ("/dashboards/transaction/", recorded("blockchair/dogecoin")),
        ],
        unknown=(("/dashboards/transaction/", recorded("blockchair/unknown")),),
        other_chain=("/dashboards/block/0", {**recorded("blockchair/unknown")}),
        payment="/dashboards/transaction/",
    )


def _bitcoincash() -> Scene:
    payment = next(iter(recorded("blockchair/bitcoincash")["data"].values()))
    return Scene(
        reader=bitcoin.BitcoinCash,
        url="https://api.blockchair.test/bitcoin-cash",
        txid=payment["transaction"]["hash"],
        address="bitcoincash:" + payment["outputs"][0]["recipient"],
        asset="BCH",
        raw_amount=1_500_000,  # one output by each spelling of the same address
        routes=[
            ("/stats", recorded("blockchair/bitcoincash__stats")),
            ("/dashboards/block/556767", recorded("blockchair/bitcoincash__landmark")),
            ("/dashboards/block/930000", recorded("blockchair/bitcoincash__block")),
            ("/dashboards/transaction/", recorded("blockchair/bitcoincash")),
        ],
        unknown=(("/dashboards/transaction/", recorded("blockchair/unknown")),),
        other_chain=("/dashboards/block/556767", recorded("blockchair/unknown")),
        payment="/dashboards/transaction/",
    )


def _cellframe() -> Scene:
    payment = recorded("cellframe/token")["result"][0]
    return Scene(
        reader=cellframe.Cellframe,
        url="https://cellframe.test/connect",
        txid=payment["hash"].lower(),
        address=payment["items"][1]["addr"],
        asset="CPUNK",
        raw_amount=1_500 * 10**18,
        routes=[("tx_history", recorded("cellframe/token"))],
        unknown=(("tx_history", recorded("cellframe/unknown")),),
        payment="tx_history",
    )


SCENES = {
    scene.reader.chain: scene
    for scene in (
        _tron(),
        _solana(),
        _aptos(),
        _bitcoin(),
        _litecoin(),
        _dogecoin(),
        _bitcoincash(),
        _cellframe(),
    )
}
