"""Who may do what to a withdrawal, and when (W1, W2, W4, W7, A4). Every require_ raises a refusal with its data."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from lockbay.people.models import Contact, User
from lockbay.people.roles import OPERATOR, OWNER
from wallets.accounts import AVAILABLE, HELD, user_account
from wallets.debts import require_no_debt
from wallets.errors import (
    DecisionRefused,
    DestinationCoolingOff,
    DestinationNotFound,
    NotProcessing,
    PayoutsStopped,
    RevisionChanged,
    TooManyWithdrawals,
    VelocityReached,
    WhyNot,
    WithdrawalNotFound,
    WithdrawalOutOfRange,
    WrongWithdrawalStatus,
)
from wallets.ledger import lock_balances
from wallets.models import Destination, PayoutStop, Withdrawal
from wallets.money import Money, exact_money
from wallets.withdrawal_states import PENDING, WithdrawalStatus

HOME_ASSET = "USD"
REASON_LONGEST = 500
# Rails that pay only to addresses which somebody has saved with them beforehand.
NEEDS_REGISTRATION = frozenset({"kraken"})
_HOUR = timedelta(hours=1)
_VELOCITY_LOCK = 0x57D  # the class of our advisory locks for the hour's sums


def require_in_range(amount: Money) -> None:
    """W1. Raises: WithdrawalOutOfRange."""
    least, most = withdrawal_limits()
    if amount.asset != HOME_ASSET or amount < least or most < amount:
        raise WithdrawalOutOfRange(least, most)


def withdrawal_limits() -> tuple[Money, Money]:
    """Least and most of one request (W1)."""
    return (
        exact_money(settings.WITHDRAWAL_MIN_USD, HOME_ASSET),
        exact_money(settings.WITHDRAWAL_MAX_USD, HOME_ASSET),
    )


def require_not_too_many(owner_id: int, now: datetime) -> None:
    """W1; the caller holds the lock under which they are counted. Raises: TooManyWithdrawals."""
    since = now - timedelta(days=1)
    if Withdrawal.objects.filter(owner_id=owner_id, requested_at__gt=since).count() >= settings.WITHDRAWAL_DAILY_LIMIT:
        raise TooManyWithdrawals(settings.WITHDRAWAL_DAILY_LIMIT)


def lock_destination(actor: User, destination_id: int) -> Destination:
    """The actor's own destination, under lock: destinations are locked before withdrawals. Raises:
    DestinationNotFound."""
    rows = Destination.objects.live().select_for_update(no_key=True, of=("self",))
    destination = rows.filter(pk=destination_id, owner=actor).first()
    if destination is None:
        raise DestinationNotFound
    return destination


def require_usable(destination: Destination, now: datetime) -> None:
    """W7. Raises: DestinationCoolingOff."""
    if now < destination.usable_at:
        raise DestinationCoolingOff(destination.usable_at)


def require_free_of_debt(withdrawal: Withdrawal) -> None:
    """Locks every account of the owner that the withdrawal touches, in one go, so that no new debt slips in between
    and nobody waits for another in a circle. Raises: DebtOpen."""
    kinds = {AVAILABLE, HELD, withdrawal.account_kind}
    lock_balances([user_account(withdrawal.owner_id, withdrawal.asset, kind) for kind in sorted(kinds)])
    require_no_debt(withdrawal.owner_id, withdrawal.asset)


def require_owner(withdrawal: Withdrawal, actor: User) -> None:
    """Raises: WithdrawalNotFound: the same answer as for one that does not exist."""
    if withdrawal.owner_id != actor.pk:
        raise WithdrawalNotFound


def require_pending(withdrawal: Withdrawal, wanted: WithdrawalStatus = WithdrawalStatus.PENDING_APPROVAL) -> None:
    """Raises: WrongWithdrawalStatus."""
    if withdrawal.status not in PENDING:
        raise WrongWithdrawalStatus(withdrawal.status, wanted)


def require_revision(withdrawal: Withdrawal, looked_at: int) -> None:
    """What was looked at is what there is (W2). Raises: RevisionChanged."""
    if withdrawal.revision != looked_at:
        raise RevisionChanged(looked_at, withdrawal.revision)


def may_decide(actor: User) -> bool:
    """Operators and owners of the house; auditors and mediators only look (A4)."""
    if not (actor.is_active and actor.is_staff):
        return False
    return actor.is_superuser or actor.groups.filter(name__in=[OPERATOR, OWNER]).exists()


def is_house_owner(actor: User) -> bool:
    """The role above the operators (A4)."""
    return actor.is_active and actor.is_staff and (actor.is_superuser or actor.groups.filter(name=OWNER).exists())


def require_may_decide(actor: User, reason: str) -> str:
    """Returns the reason, cleaned. Raises: DecisionRefused."""
    if not may_decide(actor):
        raise DecisionRefused(WhyNot.STAFF_ONLY)
    cleaned = reason.replace("\x00", "").strip()[:REASON_LONGEST]
    if not cleaned:
        raise DecisionRefused(WhyNot.NEEDS_REASON)
    return cleaned


def require_not_own(actor: User, owner_id: int) -> None:
    """Nobody decides about their own money, under whichever of their accounts (W2). Raises: DecisionRefused."""
    if is_same_person(actor, owner_id):
        raise DecisionRefused(WhyNot.OWN_MONEY)


def is_same_person(actor: User, owner_id: int) -> bool:
    """The same account, or one that proved the address by which the staff member is known."""
    if actor.pk == owner_id:
        return True
    if not actor.email:
        return False
    proved = Contact.objects.filter(user_id=owner_id, address__iexact=actor.email, verified_at__isnull=False)
    return proved.exists()


def needs_two(withdrawal: Withdrawal) -> bool:
    """Whether two different people must agree (W2)."""
    return exact_money(settings.WITHDRAWAL_TWO_PEOPLE_ABOVE_USD, HOME_ASSET) < withdrawal.amount


def is_auto_approved(withdrawal: Withdrawal, now: datetime) -> bool:
    """Small enough to need nobody (W2), while nothing speaks against it."""
    if exact_money(settings.WITHDRAWAL_AUTO_APPROVE_USD, HOME_ASSET) < withdrawal.amount:
        return False
    return stopped_asset(withdrawal) is None and velocity_excess(withdrawal, now) is None


def require_velocity(withdrawal: Withdrawal, now: datetime, *, has_owner: bool) -> None:
    """Beyond the hour's sum an owner is among those who approve (W7). Raises: VelocityReached."""
    excess = velocity_excess(withdrawal, now)
    if excess is not None and not has_owner:
        raise VelocityReached(withdrawal.payout_asset, *excess)


def velocity_excess(withdrawal: Withdrawal, now: datetime) -> tuple[Money, Money] | None:
    """(what would have been approved within the hour, the most that needs no owner) when it is too much.

    One approval at a time sums up an asset: two could otherwise both find room for themselves.
    """
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_VELOCITY_LOCK, withdrawal.payout_asset])
    recent = Withdrawal.objects.filter(
        payout_asset=withdrawal.payout_asset, asset=withdrawal.asset, approved_at__gt=now - _HOUR
    )
    minor = recent.exclude(pk=withdrawal.pk).aggregate(total=Sum("amount_minor"))["total"] or 0
    wanted = Money(int(minor), withdrawal.asset) + withdrawal.amount
    most = exact_money(settings.WITHDRAWAL_HOURLY_USD, withdrawal.asset)
    return (wanted, most) if most < wanted else None


def require_no_stop(withdrawal: Withdrawal) -> None:
    """Raises: PayoutsStopped, for the asset that leaves the wallet or the one that is paid out (W7, B8)."""
    asset = stopped_asset(withdrawal)
    if asset is not None:
        raise PayoutsStopped(asset)


def stopped_asset(withdrawal: Withdrawal) -> str | None:
    """The asset whose payouts are stopped, of the two that matter; None when neither is."""
    stops = PayoutStop.objects.filter(asset__in=[withdrawal.asset, withdrawal.payout_asset])
    return stops.values_list("asset", flat=True).first()


def require_may_be_sent(withdrawal: Withdrawal) -> None:
    """The guard at the call to a provider: whoever calls, only what is processing is paid (W3). The caller holds the
    withdrawal's lock.

    Raises: NotProcessing, PayoutsStopped, DebtOpen.
    """
    if withdrawal.status != WithdrawalStatus.PROCESSING:
        raise NotProcessing(withdrawal.public_id, withdrawal.status)
    require_no_stop(withdrawal)
    require_free_of_debt(withdrawal)
