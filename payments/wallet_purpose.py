"""Purpose "wallet": money that tops up its payer's own wallet."""

from collections.abc import Sequence
from typing import Any

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from payments.purposes import CreditedDeposit, Plan
from wallets.accounts import user_account
from wallets.ledger import NewOperation

PURPOSE = "wallet"


class WalletTopUp:
    """Credits the payer's available balance with the whole value, late or not, over or short."""

    def lock(self, references: Sequence[str]) -> Any:
        """Nothing of its own to lock: the ledger locks the accounts."""
        return None

    def plan(self, locked: Any, deposits: Sequence[CreditedDeposit]) -> Plan:
        """One operation and one event a deposit."""
        return Plan(
            operations=[operation_to_wallet(deposit) for deposit in deposits],
            events=[
                NewEvent(
                    kind=Kind.DEPOSIT_CREDITED,
                    subject_type="deposit",
                    subject_id=deposit.deposit_id,
                    data={
                        "user_id": deposit.intent.payer_id,
                        "value": str(deposit.value),
                        "received": str(deposit.received),
                    },
                )
                for deposit in deposits
            ],
        )


def operation_to_wallet(deposit: CreditedDeposit) -> NewOperation:
    """The operation that puts a deposit's whole value on its payer's available balance."""
    target = user_account(deposit.intent.payer_id, deposit.value.asset)
    return NewOperation(
        kind="deposit",
        key=deposit.credit_key,
        legs=(*deposit.source_legs, (target, deposit.value)),
        reference=deposit.reference,
    )
