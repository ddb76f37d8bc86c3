"""manage.py check_ledger [--full]: proves the books and exits 1 when anything does not hold (B8)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from wallets.proof import check_ledger


class Command(BaseCommand):
    help = "Re-adds every account from its entries and verifies every rule of the books."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--full", action="store_true", help="from zero instead of from the last checkpoints")

    def handle(self, *_args: Any, **options: Any) -> None:
        check = check_ledger(full=options["full"])
        kind = "full" if check.full else "incremental"
        for breach in check.breaches:
            self.stderr.write(f"BREACH {breach['rule']}: {breach['subject']}: {breach['detail']}")
        if check.breaches:
            raise CommandError(f"The books do not hold: {len(check.breaches)} breach(es) in a {kind} proof.")
        self.stdout.write(
            f"The books hold: {kind} proof, {check.entries_read} entries read up to entry {check.up_to_entry}."
        )
