"""The decisions about a withdrawal, each a page of its own (W2, W4, A2).

A page shows what is about to happen, carries the revision and the quote that were looked at, and calls the act with the
staff member as its actor. What the act refuses is said and changes nothing.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action

from lockbay.people.models import User
from lockbay.read_only_admin import ReadOnlyAdmin
from wallets.actions.approve_withdrawal import approve_withdrawal
from wallets.actions.fail_withdrawal import fail_withdrawal
from wallets.actions.reject_withdrawal import reject_withdrawal
from wallets.actions.reverse_withdrawal import reverse_withdrawal
from wallets.actions.settle_withdrawal import settle_withdrawal
from wallets.errors import DecisionRefused, QuoteExpired, Refusal, WalletError
from wallets.models import Withdrawal
from wallets.quoting import payout_quote_for
from wallets.signed_quotes import read_quote, sign_quote
from wallets.withdrawal_policy import may_decide
from wallets.withdrawal_review import review_of
from wallets.withdrawal_states import PAID_OUT, PENDING, UNDECIDED, WithdrawalStatus

_FAILABLE = UNDECIDED | {WithdrawalStatus.AWAITING_REGISTRATION}
_OFFERED: dict[str, frozenset[WithdrawalStatus]] = {
    "approve": PENDING,
    "reject": PENDING,
    "settle": UNDECIDED,
    "fail": _FAILABLE,
    "reverse": PAID_OUT,
}


class DecidingAdmin(ReadOnlyAdmin):
    """The pages; the list and the story are its child's."""

    actions_detail = ["approve", "reject", "settle", "fail", "reverse"]

    @action(description="Approve", url_path="approve", permissions=["approve"])
    def approve(self, request: HttpRequest, object_id: int) -> HttpResponse:
        def act(withdrawal: Withdrawal, given: dict[str, str]) -> Withdrawal:
            return approve_withdrawal(
                actor=staff_of(request),
                withdrawal_id=withdrawal.pk,
                revision=_revision(given),
                reason=given.get("reason", ""),
                payout=read_quote(withdrawal, given.get("quote", "")),
            )

        return self._decide(request, object_id, "approve", act)

    @action(description="Reject", url_path="reject", permissions=["reject"])
    def reject(self, request: HttpRequest, object_id: int) -> HttpResponse:
        def act(withdrawal: Withdrawal, given: dict[str, str]) -> Withdrawal:
            return reject_withdrawal(
                actor=staff_of(request),
                withdrawal_id=withdrawal.pk,
                revision=_revision(given),
                reason=given.get("reason", ""),
            )

        return self._decide(request, object_id, "reject", act)

    @action(description="It was paid", url_path="settle", permissions=["settle"])
    def settle(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._decide(request, object_id, "settle", _with_reference(request, settle_withdrawal))

    @action(description="It was not paid", url_path="fail", permissions=["fail"])
    def fail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        def act(withdrawal: Withdrawal, given: dict[str, str]) -> Withdrawal:
            return fail_withdrawal(actor=staff_of(request), withdrawal_id=withdrawal.pk, reason=given.get("reason", ""))

        return self._decide(request, object_id, "fail", act)

    @action(description="It came back", url_path="reverse", permissions=["reverse"])
    def reverse(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._decide(request, object_id, "reverse", _with_reference(request, reverse_withdrawal))

    def has_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, "approve")

    def has_reject_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, "reject")

    def has_settle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, "settle")

    def has_fail_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, "fail")

    def has_reverse_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, "reverse")

    def _decide(
        self,
        request: HttpRequest,
        object_id: int,
        name: str,
        act: Callable[[Withdrawal, dict[str, str]], Withdrawal],
    ) -> HttpResponse:
        if not may_decide(staff_of(request)):
            raise PermissionDenied
        withdrawal = get_object_or_404(Withdrawal.objects.select_related("owner", "destination"), pk=object_id)
        if request.method == "POST":
            try:
                done = act(withdrawal, request.POST.dict())
            except QuoteExpired as refusal:
                messages.warning(request, refusal_text(refusal))
                return redirect(request.path)
            except Refusal as refusal:
                messages.error(request, refusal_text(refusal))
            else:
                messages.success(request, said("decided", withdrawal=done, act=name, review=review_of(done)))
            return redirect(reverse("admin:wallets_withdrawal_change", args=[withdrawal.pk]))
        page = {
            **self.admin_site.each_context(request),
            **review_context(withdrawal, request, quotes=name == "approve"),
            "act": name,
            "is_offered": withdrawal.status in _OFFERED[name],
            "opts": self.opts,
            "title": withdrawal.public_id,
        }
        return TemplateResponse(request, "admin/wallets/decide.html", page)


def refusal_text(refusal: WalletError) -> str:
    """What the page says about a refusal of the books."""
    reason = refusal.reason if isinstance(refusal, DecisionRefused) else ""
    return said("refused", kind=type(refusal).__name__, reason=str(reason), refusal=refusal)


def review_context(withdrawal: Withdrawal, request: HttpRequest, *, quotes: bool = False) -> dict[str, Any]:
    """What the pages show of it; with `quotes` what approving it now would send."""
    payout, problem = None, ""
    if quotes and withdrawal.status in PENDING:
        try:
            payout = payout_quote_for(withdrawal)
        except Refusal as refusal:
            problem = refusal_text(refusal)
    review = review_of(withdrawal, payout.payout if payout else None)
    votes = withdrawal.outcome_votes.filter(move=withdrawal.moves).select_related("staff")
    return {
        "withdrawal": withdrawal,
        "review": review,
        "payout": payout,
        "quote": sign_quote(withdrawal, payout) if payout else "",
        "quote_problem": problem,
        "is_own": review.is_own(staff_of(request)),
        "is_mine_already": review.is_decided_by(staff_of(request)),
        "votes": list(votes),
    }


def _with_reference(
    request: HttpRequest, act: Callable[..., Withdrawal]
) -> Callable[[Withdrawal, dict[str, str]], Withdrawal]:
    def decide(withdrawal: Withdrawal, given: dict[str, str]) -> Withdrawal:
        return act(
            actor=staff_of(request),
            withdrawal_id=withdrawal.pk,
            provider_reference=given.get("provider_reference", ""),
            reason=given.get("reason", ""),
        )

    return decide


def _is_offered(request: HttpRequest, object_id: Any, name: str) -> bool:
    """Whether the button is on the page: where its act can be due. Once pressed, the act itself answers."""
    if not may_decide(staff_of(request)):
        return False
    at = request.resolver_match
    if at is None or at.url_name != "wallets_withdrawal_change":
        return True
    return _is_in(object_id, _OFFERED[name])


def _is_in(object_id: Any, statuses: frozenset[WithdrawalStatus]) -> bool:
    return Withdrawal.objects.filter(pk=object_id, status__in=sorted(statuses)).exists()


def _revision(given: dict[str, str]) -> int:
    text = given.get("revision", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0  # 0 is never a revision: refused as changed


def staff_of(request: HttpRequest) -> User:
    """Who is signed in."""
    assert isinstance(request.user, User)  # noqa: S101  the admin site lets nobody else in
    return request.user


def said(template: str, **context: Any) -> str:
    """Words of the desk, from its templates."""
    return render_to_string(f"admin/wallets/{template}.txt", context).strip()
