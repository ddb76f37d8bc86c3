"""manage.py replay: applies inbox events again, or shows what that would change. Nothing changes without --apply."""

import argparse
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.loader import render_to_string

from payments.replaying import STATUSES, Broken, Selection, Summary, replay_each
from payments.staff import staff_member

_PROGRESS_EVERY = 100
_INTERRUPTED = 130  # as a shell says it


class Command(BaseCommand):
    help = (
        "Replays inbox events: by id, range of ids, provider, status, time of arrival or payment. Shows per event what"
        " would change; --apply does it. It may be interrupted and repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", type=int, nargs="*", help="events by id")
        parser.add_argument("--from-id", type=int, help="the first of a range")
        parser.add_argument("--to-id", type=int, help="the last of a range")
        parser.add_argument("--provider", default="")
        parser.add_argument("--status", default="", choices=STATUSES, help="failed: the last try failed")
        parser.add_argument("--since", type=_moment, help="arrived then or later, e.g. 2026-11-22T14:00 (UTC)")
        parser.add_argument("--until", type=_moment, help="arrived before")
        parser.add_argument("--payment", default="", help="a payment id, a payment request, or a trade")
        parser.add_argument("--apply", action="store_true", help="do it; needs --reason and --actor")
        parser.add_argument("--reason", default="", help="why")
        parser.add_argument("--actor", default="", help="username of the staff member who does it")

    def handle(self, *args: Any, **options: Any) -> None:
        selection = Selection(
            ids=tuple(options["ids"]),
            first_id=options["from_id"],
            last_id=options["to_id"],
            provider=options["provider"],
            status=options["status"],
            since=options["since"],
            until=options["until"],
            payment=options["payment"],
        )
        if selection.is_empty:
            raise CommandError("nothing_selected")
        if options["apply"] and not options["reason"].strip():
            raise CommandError("reason_missing")
        actor = staff_member(options["actor"]) if options["apply"] else None
        if options["apply"] and actor is None:
            raise CommandError("actor_is_no_staff_member_who_may_replay")
        inbox_ids = list(selection.rows().values_list("pk", flat=True))
        self._run(inbox_ids, actor=actor, dry_run=not options["apply"], reason=options["reason"])

    def _run(self, inbox_ids: list[int], *, actor: Any, dry_run: bool, reason: str) -> None:
        summary, interrupted = Summary(), False
        try:
            for result in replay_each(actor=actor, inbox_ids=inbox_ids, dry_run=dry_run, reason=reason):
                summary.add(result)
                self._tell("replay_report", report=None if isinstance(result, Broken) else result, broken=result)
                if summary.events % _PROGRESS_EVERY == 0:
                    self.stderr.write(f"{summary.events}/{len(inbox_ids)}")
        except KeyboardInterrupt:
            interrupted = True
        self._tell("replay_summary", summary=summary, total=len(inbox_ids), is_dry_run=dry_run, interrupted=interrupted)
        if interrupted:
            raise CommandError("interrupted", returncode=_INTERRUPTED)
        if summary.broken or (summary.failed and not dry_run):
            raise CommandError("some_failed")

    def _tell(self, template: str, **context: Any) -> None:
        self.stdout.write(render_to_string(f"admin/payments/{template}.txt", context).strip())


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(text) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
