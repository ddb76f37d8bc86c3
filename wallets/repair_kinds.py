"""The repairs that the books know by themselves (A3): credit a user, forgive a debt, reverse an operation."""

from typing import Any

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from wallets import ledger
from wallets.accounts import AVAILABLE, CREDIT, FEES, LOSSES, SUSPENSE, TOLERANCE, platform_account, user_account
from wallets.actions.reverse_operation import reverse_operation_within
from wallets.debts import debt_of, loss_account
from wallets.errors import MalformedAmount, RepairRefused
from wallets.ledger import NewOperation
from wallets.models import Entry, Operation
from wallets.money import Money, parse_money
from wallets.queries import balance_of
from wallets.repairs import Change, Order, Performed, register_repair
from wallets.reversible import advise_instead, require_reversible
from wallets.withdrawal_policy import HOME_ASSET

SOURCES = (LOSSES, TOLERANCE, FEES, SUSPENSE)
_TARGETS = (AVAILABLE, CREDIT)


def register_repairs() -> None:
    """Called once at start."""
    for kind in (CreditUser(), ForgiveDebt(), ReverseOperation()):
        register_repair(kind)
    for prefix in ("withdrawal_", "payout_"):
        advise_instead(prefix, "reverse_withdrawal")
    for prefix in ("debt_", "reversal"):
        advise_instead(prefix, "reverse_by_credit")


class CreditUser:
    """Goodwill, or a mistake of ours: from a named account of the house to a person."""

    name = "credit_user"

    def offer(self, subject_type: str, subject_id: int) -> dict[str, Any] | None:
        """On a person's page."""
        if subject_type != "user":
            return None
        return {
            "sources": SOURCES,
            "targets": _TARGETS,
            "balances": [(one, balance_of(platform_account(one, HOME_ASSET))) for one in SOURCES],
        }

    def perform_within(self, order: Order) -> Performed:
        """One operation, one fact that the person is told."""
        person = _person(order)
        money = amount_of(order.given.get("amount", ""))
        source, target = order.given.get("source", ""), order.given.get("target", AVAILABLE) or AVAILABLE
        if source not in SOURCES or target not in _TARGETS:
            raise RepairRefused("choose_account")
        if source == SUSPENSE and balance_of(platform_account(SUSPENSE, HOME_ASSET)) < money:
            raise RepairRefused("suspense_too_little", available=balance_of(platform_account(SUSPENSE, HOME_ASSET)))
        legs = (
            (platform_account(source, HOME_ASSET), -money),
            (user_account(person.pk, HOME_ASSET, target), money),
        )
        _post(order, "user_credited", legs)
        data = {"user_id": person.pk, "money": str(money), "account": target, "source": source}
        record([NewEvent(Kind.USER_CREDITED, "user", person.pk, actor_id=order.actor.pk, data=data)])
        return Performed(people=frozenset({person.pk}))


class ForgiveDebt:
    """What a person owes us becomes a loss of the house."""

    name = "forgive_debt"

    def offer(self, subject_type: str, subject_id: int) -> dict[str, Any] | None:
        """On the page of a person who owes us."""
        debt = debt_of(subject_id, HOME_ASSET) if subject_type == "user" else None
        return {"debt": debt} if debt else None

    def perform_within(self, order: Order) -> Performed:
        """All of it, or `amount`."""
        person = _person(order)
        ledger.lock_balances([user_account(person.pk, HOME_ASSET)])
        debt, typed = debt_of(person.pk, HOME_ASSET), order.given.get("amount", "")
        if not debt:
            raise RepairRefused("owes_nothing")
        money = amount_of(typed) if typed else debt
        if debt < money:
            raise RepairRefused("owes_less", debt=debt)
        legs = ((loss_account(person.pk, HOME_ASSET), money), (platform_account(LOSSES, HOME_ASSET), -money))
        _post(order, "debt_forgiven", legs)
        left = debt - money
        data = {"user_id": person.pk, "forgiven": str(money), "left": str(left) if left else ""}
        record([NewEvent(Kind.DEBT_FORGIVEN, "user", person.pk, actor_id=order.actor.pk, data=data)])
        return Performed(
            changes=(Change("debt", person.display_name, str(debt), str(left)),), people=frozenset({person.pk})
        )


class ReverseOperation:
    """The opposite of an operation that nothing else relies on (B2)."""

    name = "reverse_operation"

    def offer(self, subject_type: str, subject_id: int) -> dict[str, Any] | None:
        """On an operation's page; why it cannot be reversed alone is said there."""
        if subject_type != "operation":
            return None
        operation = Operation.objects.filter(pk=subject_id).first()
        return None if operation is None else {"operation": operation, "entries": _entries_of(operation)}

    def perform_within(self, order: Order) -> Performed:
        """Posts it once, under the operation's lock."""
        operation = Operation.objects.select_for_update(no_key=True).filter(pk=order.subject_id).first()
        if operation is None:
            raise RepairRefused("not_found")
        require_reversible(operation)
        reverse_operation_within(actor=order.actor, operation_id=operation.pk, reason=order.reason)
        return Performed(people=frozenset(_debtors_of(operation)))


def amount_of(text: str) -> Money:
    """What was typed, more than nothing. Raises: RepairRefused."""
    try:
        money = parse_money(text, HOME_ASSET)
    except MalformedAmount:
        raise RepairRefused("amount_malformed") from None
    if not money:
        raise RepairRefused("amount_malformed")
    return money


def _person(order: Order) -> User:
    person = User.objects.filter(pk=order.subject_id).first() if order.subject_type == "user" else None
    if person is None:
        raise RepairRefused("not_found")
    return person


def _post(order: Order, kind: str, legs: tuple[ledger.Leg, ...]) -> None:
    operation = NewOperation(
        kind=kind, key=f"{order.key}:{kind}", legs=legs, reference=order.key, memo=order.reason[:200]
    )
    ledger.post([operation])


def _entries_of(operation: Operation) -> list[Entry]:
    return list(operation.entries.select_related("account").order_by("pk"))


def _debtors_of(operation: Operation) -> set[int]:
    """Whose debts it touches: their loss accounts are the house's, but the matter is theirs."""
    references = operation.entries.filter(account__kind=LOSSES, account__reference__startswith="user-")
    return {int(text.removeprefix("user-")) for text in references.values_list("account__reference", flat=True)}
