"""Purpose "wallet": money that tops up its payer's own wallet."""

from collections.abc import Sequence
from typing import Any

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from payments.purposes import CreditedDeposit, Plan, VanishedDeposit
from wallets.accounts import user_account
from wallets.debts import taking_legs
from wallets.ledger import NewOperation, lock_balances

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
                    correlation_id=deposit.correlation_id,
                )
                for deposit in deposits
            ],
        )

    def take_back(self, locked: Any, vanished: Sequence[VanishedDeposit]) -> Plan:
        """From what is available, the rest becomes the payer's debt. The deposit's own event tells of it."""
        return Plan(operations=operations_from_wallets(vanished))


def operations_from_wallets(vanished: Sequence[VanishedDeposit]) -> list[NewOperation]:
    """The operations that take deposits back from their payers' wallets, whose accounts are locked here."""
    left = lock_balances({user_account(one.intent.payer_id, one.value.asset) for one in vanished})
    operations = []
    for one in vanished:
        payer = user_account(one.intent.payer_id, one.value.asset)
        legs = taking_legs(owner_id=one.intent.payer_id, need=one.value, available=left[payer])
        left[payer] -= min(one.value, left[payer])
        operations.append(
            NewOperation(
                kind="deposit_taken_back",
                key=one.key,
                legs=(*one.source_legs, *legs),
                reference=one.reference,
                reverses_id=one.reverses_id,
            )
        )
    return operations


def operation_to_wallet(deposit: CreditedDeposit) -> NewOperation:
    """The operation that puts a deposit's whole value on its payer's available balance."""
    target = user_account(deposit.intent.payer_id, deposit.value.asset)
    return NewOperation(
        kind="deposit",
        key=deposit.credit_key,
        legs=(*deposit.source_legs, (target, deposit.value)),
        reference=deposit.reference,
    )
