"""Putting money into the own wallet: how much, by which way, then the payment screen as for a trade (T5)."""

from decimal import Decimal
from typing import Any

from lockbay import clock
from payments.actions.start_top_up import require_top_up_in_range, start_top_up, top_up_limits
from payments.errors import NotClaimable
from payments.methods import PayMethod
from payments.models import Deposit, Intent
from payments.providers import provider_of
from payments.queries import pay_methods
from payments.states import DepositState, IntentStatus
from payments.wallet_purpose import PURPOSE
from telegrambot.amounts import read_amount
from telegrambot.callback_data import Press, Verb
from telegrambot.claim_progress import claim_shown, view_of_claim
from telegrambot.errors import DraftGone
from telegrambot.handlers.pay import method_pressed, network_in_words
from telegrambot.keyboards import of_draft, to
from telegrambot.models import Draft
from telegrambot.persistence import finish_flow, move_on, start_flow
from telegrambot.qr import draw_qr
from telegrambot.turn import Button, Keyboard, Reply, Screen, Turn
from wallets.money import Money

FLOW = "deposit"
AMOUNT, METHOD = "amount", "method"
OFFERED = ("20", "50", "100")


def begin(turn: Turn) -> Reply:
    """/deposit: the first question, or the second when the amount came with the command."""
    draft = start_flow(turn, flow=FLOW, step=AMOUNT)
    if turn.press is None and turn.text:
        return _take(Turn(turn.user, turn.chat_id, turn.update_id, turn.text, None, draft), turn.text)
    return Reply(step_screen(draft))


def type_amount(turn: Turn) -> Reply:
    """Raises: MalformedAmount, TopUpOutOfRange."""
    return _take(turn, turn.text)


def press_amount(turn: Turn) -> Reply:
    """One of the offered amounts."""
    _pressed(turn, AMOUNT)
    return _take(turn, turn.press.extra if turn.press else "")


def other_amount(turn: Turn) -> Reply:
    """Back to the first question."""
    _pressed(turn, METHOD)
    return Reply(step_screen(move_on(turn, step=AMOUNT)))


def start(turn: Turn) -> Reply:
    """Asks for an address and shows it. Raises: TopUpUnavailable."""
    known = _made_from(turn)
    if known is not None:
        return Reply(top_up_screen(known))
    draft = _pressed(turn, METHOD)
    intent = start_top_up(
        actor=turn.user,
        amount=_amount(draft),
        method=method_pressed(turn),
        request_key=f"draft:{draft.request_key}:{turn.press.extra if turn.press else ''}"[:100],
    )
    finish_flow(turn, intent=intent.public_id)
    return Reply(top_up_screen(intent))


def refresh(turn: Turn) -> Reply:
    """The payment screen as it is now. Raises: NotClaimable for one that is not theirs."""
    public_id = turn.press.extra if turn.press else ""
    intent = Intent.objects.filter(public_id=public_id, payer=turn.user, purpose=PURPOSE).first()
    if intent is None:
        raise NotClaimable(public_id)
    return Reply(top_up_screen(intent), toast="fresh")


def step_screen(draft: Draft) -> Screen:
    """The question of the step."""
    drop = of_draft("drop_draft", Verb.FLOW_CANCEL, draft)
    least, most = top_up_limits()
    if draft.step == AMOUNT:
        offered = tuple(of_draft("sum", Verb.DEPOSIT_AMOUNT, draft, extra=amount, amount=amount) for amount in OFFERED)
        return Screen("deposit_amount", {"least": least, "most": most}, (offered, (drop,)))
    ways = tuple((_method_button(draft, method),) for method in pay_methods())
    other = of_draft("other_amount", Verb.DEPOSIT_OTHER, draft)
    return Screen("deposit_method", {"amount": _amount(draft), "has_ways": bool(ways)}, (*ways, (other, drop)))


def top_up_screen(intent: Intent) -> Screen:
    """Everything that is needed to pay, with what we see of the payment so far; what came, once it has."""
    state = state_of_top_up(intent)
    claim = claim_shown(intent)
    context: dict[str, Any] = {
        "intent": intent,
        "network": network_in_words(intent.network, intent.pay_asset),
        "state": state,
        "credited": credited_of(intent),
        "seen": Deposit.objects.filter(intent=intent, state=DepositState.PENDING).first(),
        "claim": view_of_claim(claim) if claim else None,
    }
    if intent.pay_url:
        context["for_one"] = (1 / Decimal(intent.rate)).quantize(Decimal("0.01"))  # naira for a dollar
    photo = draw_qr(intent.pay_url or intent.address)
    return Screen("top_up", context, _keyboard(intent, state), photo, intent.public_id)


def state_of_top_up(intent: Intent) -> str:
    """paid, over or waiting."""
    if Deposit.objects.filter(intent=intent, state=DepositState.CONFIRMED).exists():
        return "paid"
    if intent.expires_at <= clock.now() or intent.status != IntentStatus.OPEN:
        return "over"
    return "waiting"


def credited_of(intent: Intent) -> Money | None:
    """What its payments were credited as; None before the first."""
    rows = Deposit.objects.filter(intent=intent, state=DepositState.CONFIRMED).values_list("value_minor", flat=True)
    values = [minor or 0 for minor in rows]
    return Money(sum(values), intent.price_asset) if values else None


def _take(turn: Turn, text: str) -> Reply:
    amount = read_amount(text)
    require_top_up_in_range(amount)
    return Reply(step_screen(move_on(turn, step=METHOD, amount_minor=amount.minor)))


def _keyboard(intent: Intent, state: str) -> Keyboard:
    refresh_it = Button("pay_refresh", Press(Verb.DEPOSIT_SCREEN, extra=intent.public_id))
    home = (to("wallet", Verb.WALLET), to("menu", Verb.MENU))
    if state != "waiting":
        return ((to("deposit_again", Verb.DEPOSIT), refresh_it), home)
    rows: list[tuple[Button, ...]] = []
    if provider_of(intent.provider).takes_claims:
        rows.append((Button("pay_hash", Press(Verb.PAY_HASH, extra=intent.public_id)),))
    if intent.pay_url:
        rows.append((Button("pay_page", url=intent.pay_url),))
    else:
        copy = (Button("copy_address", copy=intent.address), Button("copy_amount", copy=intent.pay_amount.plain()))
        rows.append(copy)
    return (*rows, (refresh_it, to("deposit_other", Verb.DEPOSIT)), home)


def _method_button(draft: Draft, method: PayMethod) -> Button:
    words = {"asset": method.asset, "network": network_in_words(method.network, method.asset)}
    label = "pay_with_hash" if provider_of(method.provider).takes_claims else "pay_with"
    return of_draft(label, Verb.DEPOSIT_METHOD, draft, extra=method.code.replace(":", "."), **words)


def _pressed(turn: Turn, step: str) -> Draft:
    """The draft of the button. Raises: DraftGone when it is of another draft or step."""
    draft = turn.draft
    if draft is None or turn.press is None or (draft.flow, draft.step) != (FLOW, step):
        raise DraftGone
    if turn.press.subject != draft.request_key:
        raise DraftGone
    return draft


def _made_from(turn: Turn) -> Intent | None:
    """The request that this button made before."""
    draft = turn.draft
    if draft is None or turn.press is None or draft.flow or turn.press.subject != draft.request_key:
        return None
    return Intent.objects.filter(public_id=draft.data.get("intent", ""), payer=turn.user).first()


def _amount(draft: Draft) -> Money:
    return Money(draft.data["amount_minor"], "USD")


BUTTONS = {
    Verb.DEPOSIT: begin,
    Verb.DEPOSIT_AMOUNT: press_amount,
    Verb.DEPOSIT_METHOD: start,
    Verb.DEPOSIT_OTHER: other_amount,
    Verb.DEPOSIT_SCREEN: refresh,
}
STEPS = {(FLOW, AMOUNT): type_amount}
