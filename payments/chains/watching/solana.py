"""Solana: the signatures that name our wallet, and those that name its account of each listed mint: a transfer to an
account that exists need not name the wallet. The position of each account is the newest signature read.
"""

from datetime import datetime
from typing import Any

from payments.chains.base import Scan, Sighting
from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.fields import int_in, moment_in, object_in, rows_in, text_in
from payments.chains.solana import moves_in
from payments.chains.tokens import tokens_on
from payments.chains.watching.walking import SLACK, Patience, read_positions, token_sighting, write_positions

_FINAL = {"commitment": "finalized"}
_PAGE = 1_000
_MOST_PAGES = 10


def look(endpoint: Endpoint, address: str, cursor: str, since: datetime) -> Scan:
    """Only what is final. Raises: NodeFault."""
    positions, patience = read_positions(cursor), Patience()
    found: dict[str, tuple[Sighting, ...]] = {}
    is_done = True
    for account in (address, *_token_accounts(endpoint, address)):
        for row in _new_signatures(endpoint, account, positions.get(account, ""), since):
            txid = text_in(row.get("signature"), "signature")
            if row.get("err") is None and txid not in found:
                found[txid] = _read(endpoint, txid, address)
            positions[account] = txid
            if patience.is_over:
                is_done = False
                break
    sightings = tuple(one for several in found.values() for one in several)
    return Scan(sightings, write_positions(positions), is_done=is_done)


def _token_accounts(endpoint: Endpoint, address: str) -> list[str]:
    accounts: list[dict[str, Any]] = []
    for token in tokens_on("solana"):
        options = {"encoding": "jsonParsed", **_FINAL}
        told = endpoint.rpc("getTokenAccountsByOwner", address, {"mint": token.contract}, options)
        accounts += rows_in(object_in(told, "accounts").get("value"), "value")
    return [text_in(entry.get("pubkey"), "pubkey") for entry in accounts]


def _new_signatures(endpoint: Endpoint, account: str, until: str, since: datetime) -> list[dict[str, Any]]:
    """Oldest first, from the one after `until`, and none that is older than `since`."""
    earliest = int((since - SLACK).timestamp())
    rows: list[dict[str, Any]] = []
    for _ in range(_MOST_PAGES):
        before = {"before": rows[-1]["signature"]} if rows else {}
        wanted = {"limit": _PAGE, **_FINAL, **before, **({"until": until} if until else {})}
        page = rows_in(endpoint.rpc("getSignaturesForAddress", account, wanted), "signatures")
        young = [row for row in page if int_in(row.get("blockTime") or earliest, "blockTime") >= earliest]
        rows += young
        if len(page) < _PAGE or len(young) < len(page):
            break
    return rows[::-1]


def _read(endpoint: Endpoint, txid: str, address: str) -> tuple[Sighting, ...]:
    options = {"encoding": "jsonParsed", "maxSupportedTransactionVersion": 0, **_FINAL}
    told = endpoint.rpc("getTransaction", txid, options)
    if told is None:
        raise NodeFault("inconsistent", "a signature without its transaction")
    found = object_in(told, "result")
    if object_in(found.get("meta"), "meta").get("err") is not None:
        return ()
    at = None if found.get("blockTime") is None else moment_in(found["blockTime"], "blockTime")
    sightings: list[Sighting] = []
    for contract, amount in moves_in(found).amounts_to(address).items():
        if contract:
            sightings += token_sighting("solana", txid, contract, amount, at=at)
        else:
            sightings.append(Sighting(txid, "SOL", "", amount, 9, at))
    return tuple(sightings)
