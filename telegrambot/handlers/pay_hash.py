"""“I have paid”: the payer pastes the transaction's id, and the payment screen shows how far it is (T5, P8)."""

from escrows.access import escrow_for
from payments.actions.claim_transaction import claim_transaction
from payments.errors import NotClaimable
from payments.models import Intent
from payments.networks import NETWORKS
from payments.wallet_purpose import PURPOSE
from telegrambot.callback_data import Verb
from telegrambot.handlers.deposit import top_up_screen
from telegrambot.handlers.pay import network_in_words, payment_screen
from telegrambot.keyboards import of_draft
from telegrambot.models import Draft
from telegrambot.persistence import drop_flow, require_active, start_flow
from telegrambot.turn import Reply, Screen, Turn

FLOW = "pay_hash"
HASH = "hash"


def ask_for_hash(turn: Turn) -> Reply:
    """Asks for the id. Raises: NotClaimable."""
    intent = _intent_of(turn, turn.press.extra if turn.press else "")
    data = {"intent": intent.public_id, "network": intent.network, "coin": intent.pay_asset}
    return Reply(step_screen(start_flow(turn, flow=FLOW, step=HASH, data=data)))


def type_hash(turn: Turn) -> Reply:
    """Notes it; the worker looks at once. Raises: HashMalformed, HashUsed, TooManyClaims, NotClaimable."""
    intent = _intent_of(turn, require_active(turn).data["intent"])
    claim_transaction(actor=turn.user, intent_id=intent.pk, text=turn.text)
    drop_flow(turn.chat_id)
    if intent.purpose == PURPOSE:
        return Reply(top_up_screen(intent))
    return Reply(payment_screen(escrow_for(turn.user, intent.reference), turn.user, intent))


def step_screen(draft: Draft) -> Screen:
    """The question, with what such an id looks like."""
    network, coin = draft.data["network"], draft.data["coin"]
    context = {"chain": NETWORKS[network].chain, "network": network_in_words(network, coin)}
    return Screen("pay_hash", context, ((of_draft("drop_draft", Verb.FLOW_CANCEL, draft),),))


def _intent_of(turn: Turn, public_id: str) -> Intent:
    intent = Intent.objects.filter(public_id=public_id, payer=turn.user).first()
    if intent is None:
        raise NotClaimable(public_id)
    return intent


BUTTONS = {Verb.PAY_HASH: ask_for_hash}
STEPS = {(FLOW, HASH): type_hash}
