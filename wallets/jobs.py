"""What the books do by the clock: the proofs (B8), and a look at payouts that take too long (W8)."""

from django.conf import settings

from lockbay import clock
from wallets.actions.report_overdue import report_overdue
from wallets.models import Withdrawal
from wallets.proof import check_ledger
from wallets.withdrawal_states import WithdrawalStatus

_PAGE = 100


def check_incremental() -> None:
    """Hourly: proves what was posted since the last green proof."""
    check_ledger(full=False)


def check_full() -> None:
    """Daily: proves everything from zero."""
    check_ledger(full=True)


def report_overdue_payouts() -> int:
    """Every minute: tells staff, once a withdrawal, of what has been processing for too long. How many it told of."""
    since = clock.now() - settings.WITHDRAWAL_OVERDUE_AFTER
    late = Withdrawal.objects.filter(
        status=WithdrawalStatus.PROCESSING, processing_since__lt=since, overdue_at__isnull=True
    )
    found = list(late.order_by("pk").values_list("pk", flat=True)[:_PAGE])
    return sum(report_overdue(actor=None, withdrawal_id=pk) for pk in found)
