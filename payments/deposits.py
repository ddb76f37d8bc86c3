"""Deposits between the database and a fold: read under locks, in the order intents → deposits, and written back."""

from collections.abc import Sequence
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from lockbay import clock
from lockbay.setsql import insert_new, update_each
from payments.folding import Fold
from payments.interpreting import Verdict
from payments.models import Deposit, Intent
from payments.providers.base import Meaning
from payments.states import IntentStatus

Row = TypeVar("Row", bound=Model)
_FINAL = frozenset({Meaning.CONFIRMED, Meaning.VANISHED})
_DEPOSIT_FIELDS = (
    "txid",
    "minor",
    "raw_amount",
    "state",
    "credits",
    "value_minor",
    "value_rate",
    "is_late",
    "confirmed_at",
    "look",
    "times_vanished",
    "by_hand",
)


def load_fold(verdicts: Sequence[Verdict]) -> Fold:
    """Locks the intents and then the deposits that the reports are about: two statements."""
    reports = [report for verdict in verdicts for report in verdict.reports]
    payments = sorted({report.payment_id for report in reports if report.payment_id})
    references = sorted({report.reference for report in reports if report.reference})
    if not payments:
        return Fold({}, frozenset(), clock.now())
    txids = sorted({spelling for report in reports if report.txid for spelling in _spellings(report.txid)})
    wanted = Q(provider_payment_id__in=payments) | Q(public_id__in=references, status=IntentStatus.REQUESTED)
    if any(report.look for report in reports):  # what vanished, or comes back, may have been given to another intent
        owned = Deposit.objects.filter(txid__in=txids, intent__isnull=False)
        wanted |= Q(pk__in=list(owned.values_list("intent_id", flat=True)))
    intents = list(_locked(Intent).filter(wanted).defer("provider_answer"))
    opened = {(i.provider, i.provider_payment_id): i for i in intents if i.provider_payment_id}
    unopened = frozenset((i.provider, i.public_id) for i in intents if not i.provider_payment_id)
    fold = Fold(opened, unopened, clock.now())
    if opened or any(report.meaning in _FINAL for report in reports):
        parts = sorted({report.part or report.payment_id for report in reports})
        fold.known.know(
            _locked(Deposit).filter(
                Q(intent__in=intents) | Q(txid__in=txids) | Q(txid="", provider_payment_id__in=parts)
            )
        )
    return fold


def _spellings(txid: str) -> tuple[str, ...]:
    cleaned = txid.strip()
    lowered = cleaned.lower().removeprefix("0x")
    return cleaned, lowered, f"0x{lowered}"


def _locked(model: type[Row]) -> QuerySet[Row]:
    return model._default_manager.order_by("pk").select_for_update(no_key=True, of=("self",))


def save_deposits(fold: Fold) -> None:
    """Writes what folding made of the deposits, and when providers are asked next: three statements."""
    _insert_deposits(fold.new)
    changed = [
        {"id": d.pk, "intent": d.intent_id, **{name: getattr(d, name) for name in _DEPOSIT_FIELDS}}
        for d in fold.changed.values()
    ]
    update_each(Deposit, changed)
    hinted = {intent.pk: intent.hinted_at for intent in fold.intents.values()}
    asking = [{"id": pk, "ask_due_at": due, "hinted_at": hinted.get(pk)} for pk, due in sorted(fold.ask_due.items())]
    update_each(Intent, asking)


def _insert_deposits(deposits: Sequence[Deposit]) -> None:
    """One statement on both engines (bulk_create cuts at SQLite's old limit). A rival's row raises: the event is
    tried again."""
    fields = [field for field in Deposit._meta.concrete_fields if not field.primary_key]
    rows = [{field.name: getattr(deposit, field.attname) for field in fields} for deposit in deposits]
    identity = ("provider", "provider_payment_id", "txid", "recipient")
    found = insert_new(Deposit, rows, unique="id", returning=("id", *identity))
    ids = {tuple(row[1:]): row[0] for row in found}
    for deposit in deposits:
        deposit.pk = ids[tuple(getattr(deposit, name) for name in identity)]
