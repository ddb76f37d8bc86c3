"""The scheduled proofs (B8)."""

from wallets.proof import check_ledger


def check_incremental() -> None:
    """Hourly: proves what was posted since the last green proof."""
    check_ledger(full=False)


def check_full() -> None:
    """Daily: proves everything from zero."""
    check_ledger(full=True)
