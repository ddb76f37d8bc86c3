"""manage.py replay_event <id> [--dry-run] [--reason TEXT]: applies an inbox event again, or shows what that would
change."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.loader import render_to_string

from payments.actions.replay_event import replay_event
from payments.errors import ReplayRefused


class Command(BaseCommand):
    help = "Applies an inbox event again; with --dry-run shows status, entries and messages without changing anything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("inbox_id", type=int)
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--reason", default="", help="why; required unless --dry-run")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = replay_event(
                actor=None, inbox_id=options["inbox_id"], dry_run=options["dry_run"], reason=options["reason"]
            )
        except ReplayRefused as refusal:
            raise CommandError(refusal.reason) from refusal
        self.stdout.write(render_to_string("admin/payments/replay_report.txt", {"report": report}))
