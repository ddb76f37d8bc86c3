"""Which addresses of ours are watched, and for whom (P8): only while somebody may still be about to pay there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from lockbay import clock
from payments.evidence import RIVALS_FOR
from payments.models import Deposit, Intent
from payments.networks import NETWORKS, normal_address
from payments.states import DepositState, IntentStatus

PROVIDER = "onchain"


@dataclass(frozen=True, slots=True)
class Target:
    """An address to look at. `since` is when the oldest request that waits there was made."""

    chain: str
    address: str
    since: datetime


def addresses_to_watch() -> list[Target]:
    """Addresses with unpaid requests that are open, or ended lately; none when nobody waits: one statement."""
    paid = Deposit.objects.filter(intent=OuterRef("pk"), state=DepositState.CONFIRMED)
    waiting = open_requests().filter(expires_at__gt=clock.now() - settings.ONCHAIN_WATCH_AFTER).exclude(Exists(paid))
    found: dict[tuple[str, str], datetime] = {}
    for network, address, made_at in waiting.values_list("network", "address", "created_at").order_by("created_at"):
        found.setdefault(place_of(network, address), made_at)
    return [Target(chain, address, since) for (chain, address), since in found.items()]


def open_requests() -> QuerySet[Intent]:
    """Requests whose amount still is their own."""
    return Intent.objects.filter(provider=PROVIDER, status=IntentStatus.OPEN, created_at__gte=clock.now() - RIVALS_FOR)


def place_of(network: str, address: str) -> tuple[str, str]:
    """(chain, address in the one spelling)."""
    return NETWORKS[network].chain, normal_address(NETWORKS[network], address)


def network_on(chain: str, networks: Iterable[str]) -> str:
    """The first of `networks` that lives on `chain`, else the first that we know there."""
    known = [*(code for code in networks if code in NETWORKS), *NETWORKS]
    return next(code for code in known if NETWORKS[code].chain == chain)
