"""manage.py look_at_claim <txid>: asks our nodes again about a pasted transaction. Nothing changes without --apply."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.loader import render_to_string

from payments.actions.look_again import look_again
from payments.errors import LookRefused
from payments.models import ChainClaim
from payments.staff import staff_member


class Command(BaseCommand):
    help = "Shows what the checks say now about a pasted transaction, and what would change; --apply does it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("txid")
        parser.add_argument("--chain", default="", help="when several chains know a transaction of this id")
        parser.add_argument("--apply", action="store_true", help="do it; needs --reason and --actor")
        parser.add_argument("--reason", default="", help="why")
        parser.add_argument("--actor", default="", help="username of the staff member who does it")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = staff_member(options["actor"]) if options["apply"] else None
        if options["apply"] and actor is None:
            raise CommandError("actor_is_no_staff_member_who_may_replay")
        claim_id = _claim_of(options["txid"].strip(), options["chain"])
        try:
            report = look_again(actor=actor, claim_id=claim_id, dry_run=not options["apply"], reason=options["reason"])
        except LookRefused as refusal:
            raise CommandError(refusal.reason) from refusal
        self.stdout.write(render_to_string("admin/payments/look_report.txt", {"report": report}).strip())


def _claim_of(txid: str, chain: str) -> int:
    found = ChainClaim.objects.filter(txid__in={txid, txid.lower(), f"0x{txid.lower()}"})
    claims = list((found.filter(chain=chain) if chain else found).values_list("pk", "chain"))
    if not claims:
        raise CommandError("no_such_claim")
    if len(claims) > 1:
        raise CommandError(f"name_the_chain: {', '.join(sorted(name for _pk, name in claims))}")
    return int(claims[0][0])
