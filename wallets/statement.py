"""A person's statement: every movement of their accounts with the exact amount and the running balance, as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC

from wallets.models import Account, Entry
from wallets.money import Money

COLUMNS = ("when", "account", "what", "amount", "balance", "asset", "reference", "memo", "number")
# What a spreadsheet takes for the beginning of a formula, also behind blanks.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_BATCH = 2_000


def write_statement(user_id: int, headings: Mapping[str, str] | None = None) -> bytes:
    """The whole history, oldest first, in UTF-8 with a mark at its front for spreadsheets; moments are UTC.

    `headings` words the columns (default: their names). Texts that come from outside cannot become formulas.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([harmless((headings or {}).get(column, column)) for column in COLUMNS])
    writer.writerows(_rows_of(user_id))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def harmless(text: str) -> str:
    """`text` so that a spreadsheet shows it and never computes it: an apostrophe in front where it matters."""
    cleaned = text.replace("\x00", "")
    return f"'{cleaned}" if cleaned.lstrip().startswith(_FORMULA) or cleaned.startswith(_FORMULA) else cleaned


def _rows_of(user_id: int) -> Iterator[Sequence[str]]:
    accounts = {account.pk: account for account in Account.objects.filter(owner_id=user_id)}
    entries = Entry.objects.filter(account_id__in=accounts).select_related("operation").order_by("pk")
    for entry in entries.iterator(chunk_size=_BATCH):
        operation = entry.operation
        yield (
            operation.posted_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            harmless(accounts[entry.account_id].kind),
            harmless(operation.kind),
            entry.money.plain(),  # a number: its minus sign begins no formula
            Money(entry.balance_after or 0, entry.asset).plain(),
            entry.asset,
            harmless(operation.reference),
            harmless(operation.memo),
            str(operation.pk),
        )
