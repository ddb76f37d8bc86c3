"""A process of its own that reads the database and prints what a journey is judged by, as one line of JSON."""

import json
from typing import Any


def what_is_there() -> dict[str, Any]:
    """Balances as text by account code, trades, deposits, deliveries and the full proof."""
    from escrows.models import Escrow
    from notifications.models import Delivery
    from payments.models import Deposit, InboxEvent
    from telegrambot.models import StoredUpdate
    from wallets.models import Account, Operation
    from wallets.money import Money
    from wallets.proof import check_ledger

    check = check_ledger(full=True)
    return {
        "balances": {
            row.code: Money(row.balance or 0, row.asset).plain() for row in Account.objects.filter(balance__gt=0)
        },
        "users": {row.telegram_username: row.pk for row in _people()},
        "told": list(Escrow.objects.exclude(accept_by=None).values_list("public_id", flat=True)),
        "trades": {row.public_id: row.status for row in Escrow.objects.all()},
        "deposits": Deposit.objects.count(),
        "inbox": sorted(InboxEvent.objects.values_list("status", flat=True)),
        "operations": sorted(Operation.objects.values_list("kind", flat=True)),
        "deliveries": [
            {
                "event": row.event.kind,
                "audience": row.audience,
                "channel": row.channel,
                "state": row.state,
                "uncertain": row.is_uncertain,
                "attempts": row.attempts,
            }
            for row in Delivery.objects.select_related("event").order_by("id")
        ],
        "updates_left": StoredUpdate.objects.exclude(status="done").count(),
        "breaches": check.breaches,
    }


def _people() -> Any:
    from lockbay.people.models import User

    return User.objects.exclude(telegram_username="")


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(what_is_there()))
