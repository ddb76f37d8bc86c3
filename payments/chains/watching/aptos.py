"""Aptos: deposits of listed assets as the indexer beside a full node tells them; each is then read from the node.

A node lists only what an account sent, so the indexer is needed: it is found under the same address as the node's REST
interface (…/v1/graphql). The position is the version of the ledger to go on from.
"""

from datetime import datetime
from typing import Any

from payments.chains.addresses import padded_aptos
from payments.chains.aptos import moves_in
from payments.chains.base import NotSeen, Scan, Sighting
from payments.chains.endpoint import Endpoint, MissingAnswer, NodeFault
from payments.chains.fields import int_in, moment_in, object_in, rows_in, text_in
from payments.chains.tokens import tokens_on
from payments.chains.watching.walking import SLACK, Patience, token_sighting

_PAGE = 100
_COIN = ("0x1::aptos_coin::AptosCoin", padded_aptos("0xa"))
_QUERY = """
query Deposits($owner: String!, $assets: [String!]!, $version: bigint!, $since: timestamp!, $limit: Int!) {
  fungible_asset_activities(
    where: {
      owner_address: {_eq: $owner}
      asset_type: {_in: $assets}
      is_transaction_success: {_eq: true}
      is_gas_fee: {_eq: false}
      transaction_version: {_gte: $version}
      transaction_timestamp: {_gte: $since}
    }
    order_by: {transaction_version: asc}
    limit: $limit
  ) {
    transaction_version
    type
  }
}
"""


def look(endpoint: Endpoint, address: str, cursor: str, since: datetime) -> Scan:
    """Raises: NodeFault; NotSeen when there is no indexer beside this node."""
    start = int(cursor) if cursor.isascii() and cursor.isdigit() else 0
    rows = _activities(endpoint, address, start, since)
    versions = {int_in(row.get("transaction_version"), "transaction_version"): False for row in rows}
    for row in rows:
        versions[int_in(row["transaction_version"], "transaction_version")] |= "Deposit" in str(row.get("type"))
    found: list[Sighting] = []
    position, patience, is_done = start, Patience(), len(rows) < _PAGE
    for version, is_deposit in sorted(versions.items()):
        if patience.is_over:
            is_done = False
            break
        if is_deposit:
            found += _read(endpoint, version, address)
        position = version + 1
    return Scan(tuple(found), str(position), is_done=is_done)


def _activities(endpoint: Endpoint, address: str, start: int, since: datetime) -> list[dict[str, Any]]:
    asked = {
        "owner": address,
        "assets": [*_COIN, *(token.contract for token in tokens_on("aptos"))],
        "version": start,
        "since": (since - SLACK).strftime("%Y-%m-%dT%H:%M:%S"),
        "limit": _PAGE,
    }
    try:
        answer = object_in(endpoint.post("/graphql", {"query": _QUERY, "variables": asked}), "answer")
    except MissingAnswer as missing:
        raise NotSeen("no indexer") from missing
    if answer.get("errors"):
        raise NodeFault("refused", str(answer["errors"])[:150])
    data = object_in(answer.get("data"), "data")
    return rows_in(data.get("fungible_asset_activities"), "activities")


def _read(endpoint: Endpoint, version: int, address: str) -> tuple[Sighting, ...]:
    found = object_in(endpoint.get(f"/transactions/by_version/{version}"), "transaction")
    if int_in(found.get("version"), "version") != version:
        raise NodeFault("wrong_answer", "another transaction")
    if found.get("success") is not True:
        return ()
    txid = padded_aptos(text_in(found.get("hash"), "hash"))
    at = moment_in(found.get("timestamp"), "timestamp", per_second=1_000_000)
    sightings: list[Sighting] = []
    for contract, amount in moves_in(found).amounts_to(address).items():
        if contract:
            sightings += token_sighting("aptos", txid, contract, amount, at=at)
        else:
            sightings.append(Sighting(txid, "APT", "", amount, 8, at))
    return tuple(sightings)
