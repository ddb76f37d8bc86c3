"""The agreement's rules of the proof (B8): holds match trades, confirmed ones are complete, event chains are whole."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Concat

from escrows.errors import SnapshotMalformed
from escrows.fees import Pricing
from escrows.models import Escrow, ShortPayment, VanishedFunding
from escrows.states import FUNDED_ONCE, HOLDS_MONEY, SHORT_OPEN, MissingState, Status
from lockbay.events.recording import broken_chains
from wallets.accounts import HOLD
from wallets.models import Account
from wallets.proof import Breach, register_rule

_PAGE = 1000


def register_rules() -> None:
    """Called once at start."""
    register_rule("escrow_hold", check_holds)
    register_rule("escrow_confirmed_is_complete", check_confirmed_complete)
    register_rule("escrow_events_whole", check_event_chains)
    register_rule("escrow_frozen_misses_money", check_frozen)


def check_holds(full: bool) -> Iterator[Breach]:
    """Every funded live trade has exactly its buyer's total in its hold, less what vanished from it (P7); a pending one
    exactly the payment that was too short and waits for a decision (E8); every other hold is empty."""
    code = Concat(Value("escrow:"), OuterRef("public_id"), Value(f":{HOLD}:"), OuterRef("asset"))
    # Trade and hold in one statement: read one after the other they could belong to two moments.
    holding = Escrow.objects.filter(status__in=sorted(HOLDS_MONEY)).annotate(
        held=Subquery(Account.objects.filter(code=code).values("balance")), gone=_gone()
    )
    for escrow in _in_pages(holding):
        yield from _hold_breach(escrow, escrow.held or 0, escrow.gone)
    yield from _short_breaches()
    yield from _stray_holds()


def check_confirmed_complete(full: bool) -> Iterator[Breach]:
    """From payment_confirmed on a trade has confirmation time, deposit reference and deadline, and no expiry."""
    lacking = (
        Q(payment_confirmed_at__isnull=True)
        | Q(deposit_reference="")
        | Q(delivery_deadline__isnull=True)
        | Q(expires_at__isnull=False)
    )
    for escrow in Escrow.objects.filter(lacking, status__in=sorted(FUNDED_ONCE)).iterator():
        yield Breach("escrow_confirmed_is_complete", escrow.public_id, escrow.status, escrow.asset)


def check_event_chains(full: bool) -> Iterator[Breach]:
    """Every trade's events form one unbroken chain; looked at in the full proof only."""
    if not full:
        return
    for pk, broken in broken_chains("escrow"):
        public_id = Escrow.objects.filter(pk=pk).values_list("public_id", flat=True).first()
        yield Breach("escrow_events_whole", public_id or f"escrow {pk}", f"seq {broken}")


def check_frozen(full: bool) -> Iterator[Breach]:
    """A trade is frozen exactly while money that it relied on is missing (P7)."""
    missing = VanishedFunding.objects.filter(escrow=OuterRef("pk"), state=MissingState.OPEN)
    looked_at = Escrow.objects.filter(Q(frozen_at__isnull=False) | Exists(missing)).annotate(gone=_gone())
    for escrow in _in_pages(looked_at):
        if (escrow.frozen_at is None) != (escrow.gone == 0):
            detail = f"{'not ' if escrow.frozen_at is None else ''}frozen, missing {escrow.gone}"
            yield Breach("escrow_frozen_misses_money", escrow.public_id, detail, escrow.asset)


def _gone() -> Any:
    """What is missing in the hold of each trade of a query."""
    rows = VanishedFunding.objects.filter(escrow=OuterRef("pk"), state=MissingState.OPEN).order_by().values("escrow")
    return Coalesce(Subquery(rows.annotate(total=Sum("missing_minor")).values("total")), 0)


def _hold_breach(escrow: Escrow, balance: int, gone: int) -> Iterator[Breach]:
    try:
        wanted = Pricing.of(escrow).buyer_total.minor - gone
    except SnapshotMalformed as error:
        yield Breach("escrow_hold", escrow.public_id, f"snapshot: {error.detail}", escrow.asset)
        return
    if balance != wanted:
        yield Breach("escrow_hold", escrow.public_id, f"holds {balance}, should be {wanted}", escrow.asset)


def _short_breaches() -> Iterator[Breach]:
    code = Concat(Value("escrow:"), OuterRef("escrow__public_id"), Value(f":{HOLD}:"), OuterRef("escrow__asset"))
    waiting = ShortPayment.objects.filter(state__in=sorted(SHORT_OPEN)).select_related("escrow")
    for short in waiting.annotate(lies=Subquery(Account.objects.filter(code=code).values("balance"))).iterator():
        escrow = short.escrow
        if escrow.status != Status.PAYMENT_PENDING:
            detail = f"a short payment waits though the trade is {escrow.status}"
            yield Breach("escrow_hold", escrow.public_id, detail, escrow.asset)
        elif (short.lies or 0) != short.held_minor:
            detail = f"holds {short.lies or 0}, should be {short.held_minor}"
            yield Breach("escrow_hold", escrow.public_id, detail, escrow.asset)


def _stray_holds() -> Iterator[Breach]:
    # Conditions inside the one statement: a payment that comes between two of them is no breach.
    live = Escrow.objects.filter(
        Q(status__in=sorted(HOLDS_MONEY))
        | Exists(ShortPayment.objects.filter(escrow=OuterRef("pk"), state__in=sorted(SHORT_OPEN)))
    ).values("public_id")
    strays = Account.objects.filter(kind=HOLD, balance__gt=0).exclude(reference__in=live)
    for account in strays.iterator():
        yield Breach("escrow_hold", account.reference, f"holds {account.balance}, should be 0", account.asset)


def _in_pages(escrows: QuerySet[Any]) -> Iterator[Any]:
    last = 0
    while page := list(escrows.filter(pk__gt=last).order_by("pk")[:_PAGE]):
        yield from page
        last = page[-1].pk
