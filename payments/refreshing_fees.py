"""Fetches network fees from the chains' nodes and from bank rails, and stores them. The body of a job."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import structlog
from django.conf import settings
from django.db import transaction

from lockbay import clock, http
from payments.banks import desks_that_tell_fees
from payments.chains import reader_of_chain
from payments.chains.base import Unknown
from payments.chains.fees import QUESTIONS, Resource, TransferCost
from payments.models import StoredFee
from payments.network_fees import BANK
from payments.rates.asking import ask_at_once

log = structlog.stdlib.get_logger(__name__)

# Several processes may start together and ask for the same.
_YOUNG = timedelta(seconds=45)
_SECONDS = 45  # below the queue's time-out

# What the playground pays: (kind, resources as (name, units, price in the smallest unit)).
_PLAY_PRICES: Mapping[str, Sequence[tuple[str, Sequence[tuple[str, int, str]]]]] = {
    "ethereum": (("coin", [("gas", 21_000, "1200000000")]), ("token", [("gas", 65_000, "1200000000")])),
    "bsc": (("coin", [("gas", 21_000, "100000000")]), ("token", [("gas", 65_000, "100000000")])),
    "tron": (
        ("coin", [("bandwidth", 268, "1000")]),
        ("token", [("energy", 65_000, "100"), ("bandwidth", 345, "1000")]),
    ),
    "solana": (("coin", [("signature", 1, "5000")]), ("token", [("signature", 1, "5000")])),
    "aptos": (("coin", [("gas", 1_000, "100")]), ("token", [("gas", 1_000, "100")])),
    "bitcoin": (("coin", [("vbyte", 141, "6")]),),
    "litecoin": (("coin", [("vbyte", 141, "10")]),),
    "dogecoin": (("coin", [("vbyte", 226, "100000")]),),
    "bitcoincash": (("coin", [("vbyte", 226, "1")]),),
}
_PLAY = "playmoney"


def refresh_network_fees() -> int:
    """Asks every chain that has nodes, and every bank rail that tells its fee; returns how many fees were stored."""
    http.refuse_inside_transaction()
    now = clock.real_now()
    young = set(StoredFee.objects.filter(fetched_at__gt=now - _YOUNG).values_list("chain", flat=True))
    rows = [row for chain, costs in _chain_costs(young).items() for row in _chain_rows(chain, costs, now)]
    if BANK not in young:
        rows += _bank_rows(now)
    with transaction.atomic():
        StoredFee.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["chain", "kind"],
            update_fields=["asset", "resources", "cost", "source", "fetched_at"],
        )
    return len(rows)


def _chain_costs(young: set[str]) -> dict[str, Sequence[TransferCost]]:
    if settings.NETWORK_FEE_SOURCE == _PLAY:
        return {chain: _play_costs(chain) for chain in _PLAY_PRICES if chain not in young}
    wanted = [chain for chain in QUESTIONS if settings.CHAIN_ENDPOINTS.get(chain) and chain not in young]
    found = ask_at_once({chain: partial(_ask, chain) for chain in wanted}, seconds=_SECONDS)
    told: dict[str, Sequence[TransferCost]] = {}
    for chain, answer in found.items():
        if isinstance(answer, str):
            log.warning("NETWORK_FEE_NOT_TOLD", chain=chain, reason=answer)
        elif answer:
            told[chain] = answer
    return told


def _ask(chain: str) -> Sequence[TransferCost]:
    """Empty when no node can be believed now: the pool has logged why."""
    try:
        return reader_of_chain(chain).transfer_costs()
    except Unknown as unknown:
        log.warning("NETWORK_FEE_NOT_TOLD", chain=chain, reason=str(unknown))
        return ()


def _play_costs(chain: str) -> Sequence[TransferCost]:
    return [
        TransferCost(kind, tuple(Resource(name, units, Decimal(price)) for name, units, price in resources))  # type: ignore[arg-type]
        for kind, resources in _PLAY_PRICES[chain]
    ]


def _chain_rows(chain: str, costs: Sequence[TransferCost], now: datetime) -> list[StoredFee]:
    reader = reader_of_chain(chain)
    source = _PLAY if settings.NETWORK_FEE_SOURCE == _PLAY else "nodes"
    return [
        StoredFee(
            chain=chain,
            kind=cost.kind,
            asset=reader.native_asset,
            resources=[[one.name, one.units, format(one.price, "f")] for one in cost.resources],
            cost=format(cost.raw.scaleb(-reader.native_digits), "f"),
            source=source,
            fetched_at=now,
        )
        for cost in costs
    ]


def _bank_rows(now: datetime) -> list[StoredFee]:
    found = ask_at_once({desk.rail: desk.transfer_fee for desk in desks_that_tell_fees()}, seconds=_SECONDS)
    rows = []
    for rail, fee in found.items():
        if isinstance(fee, str):
            log.warning("NETWORK_FEE_NOT_TOLD", chain=BANK, rail=rail, reason=fee)
            continue
        rows.append(StoredFee(chain=BANK, kind=rail, asset=fee.asset, cost=fee.plain(), source=rail, fetched_at=now))
    return rows
