"""One look at an address of ours: what came is stored, then the cursor moves, both or neither (P8).

A crash at any point, a second worker or a node that tells the same twice changes nothing: what was seen is unique, and
the cursor moves only for whoever holds the fence. A node that cannot be asked delays it (F27).
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from lockbay import clock
from lockbay.http import refuse_inside_transaction
from lockbay.setsql import insert_new
from payments.chains import reader_of_chain
from payments.chains.base import MalformedHash, Scan, Sighting, Wait
from payments.chains.checks import coins_of
from payments.evidence import reason_of
from payments.metrics import WATCH_BLOCKS_LEFT, WATCH_LOOKS, WATCH_TRANSFERS
from payments.models import SeenState, SeenTransfer, WatchedAddress
from payments.watching import Target
from wallets.errors import MalformedAmount
from wallets.money import floored_money

log = structlog.stdlib.get_logger(__name__)
_LEASE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Looked:
    """`is_done` False: there is more to read at once. `new` counts transfers that were seen for the first time."""

    is_done: bool
    new: int


def watch_address(*, target: Target) -> Looked:
    """One look, outside any transaction. Whoever comes while another looks does nothing."""
    refuse_inside_transaction()
    watched = _lease(target)
    if watched is None:
        return Looked(is_done=True, new=0)
    try:
        scan = reader_of_chain(target.chain).transfers_to(target.address, watched.cursor, target.since)
    except Wait as why:
        WATCH_LOOKS.add(target.chain, reason_of(why))
        log.warning("WATCH_NOTHING_KNOWN", chain=target.chain, address=target.address, reason=str(why)[:200])
        _put_back(watched, reason_of(why))
        return Looked(is_done=True, new=0)
    new = _store(watched, scan)
    WATCH_LOOKS.add(target.chain, "ok")
    WATCH_BLOCKS_LEFT.labels(target.chain).set(scan.blocks_left)
    return Looked(scan.is_done, new)


def _lease(target: Target) -> WatchedAddress | None:
    now = clock.real_now()
    row = {
        "chain": target.chain,
        "address": target.address,
        "cursor": "",
        "blocks_left": 0,
        "note": "",
        "fence": 0,
        "next_look_at": now,
        "looked_at": None,
    }
    with transaction.atomic(durable=True):
        insert_new(WatchedAddress, [row], unique="chain,address")
        watched = WatchedAddress.objects.select_for_update(no_key=True).get(chain=target.chain, address=target.address)
        if watched.next_look_at > now:
            return None
        watched.fence, watched.next_look_at = watched.fence + 1, now + _LEASE
        watched.save(update_fields=["fence", "next_look_at"])
    return watched


def _put_back(watched: WatchedAddress, note: str) -> None:
    with transaction.atomic(durable=True):
        _mine(watched).update(note=note[:20], next_look_at=clock.real_now())


def _store(watched: WatchedAddress, scan: Scan) -> int:
    rows = [row for sighting in scan.sightings if (row := _row(watched, sighting)) is not None]
    with transaction.atomic(durable=True):
        identity = "chain,txid,recipient,asset"
        new = insert_new(SeenTransfer, rows, unique=identity, returning=["txid", "asset"])
        _take_into_block(watched, scan)
        _mine(watched).update(
            cursor=scan.cursor,
            blocks_left=min(scan.blocks_left, 2_000_000_000),
            note="",
            next_look_at=clock.real_now(),
            looked_at=clock.real_now(),
        )
    if new:
        WATCH_TRANSFERS.add(watched.chain, "seen", by=len(new))
        log.info("WATCH_SEEN", chain=watched.chain, address=watched.address, seen=[list(row) for row in new[:50]])
    return len(new)


def _row(watched: WatchedAddress, sighting: Sighting) -> dict[str, object] | None:
    """None for dust below our smallest unit, for what cannot be read."""
    try:
        txid = reader_of_chain(watched.chain).normalise_txid(sighting.txid)
        money = floored_money(coins_of(sighting), sighting.asset)
    except (MalformedHash, MalformedAmount) as error:
        log.warning("WATCH_UNREADABLE", chain=watched.chain, txid=sighting.txid[:128], reason=str(error)[:100])
        return None
    if not money:
        WATCH_TRANSFERS.add(watched.chain, "dust")
        return None
    return {
        "chain": watched.chain,
        "txid": txid,
        "recipient": watched.address,
        "asset": sighting.asset,
        "contract": sighting.contract,
        "raw_amount": str(sighting.raw_amount)[:80],
        "minor": money.minor,
        "block_time": sighting.at,
        "seen_at": clock.database_now(),
        "state": SeenState.WAITING.value,
        "claim": None,
        "look_at": clock.real_now() + settings.ONCHAIN_HASH_WAIT,
    }


def _take_into_block(watched: WatchedAddress, scan: Scan) -> None:
    """What was seen in the mempool is in a block now."""
    mined = {sighting.txid: sighting.at for sighting in scan.sightings if sighting.at is not None}
    unmined = SeenTransfer.objects.filter(
        chain=watched.chain, recipient=watched.address, block_time__isnull=True, state=SeenState.WAITING
    )
    for seen in unmined.filter(txid__in=list(mined)):
        unmined.filter(pk=seen.pk).update(block_time=mined[seen.txid])


def _mine(watched: WatchedAddress) -> QuerySet[WatchedAddress]:
    return WatchedAddress.objects.filter(pk=watched.pk, fence=watched.fence)
