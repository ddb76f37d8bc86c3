"""A process of its own that prepares a database for a crash: an open intent of a user's wallet. Prints the webhooks
to send."""

import base64
import json
import sys


def prepare(payments: int) -> list[dict[str, str]]:
    """`payments` open intents; for each the signed confirmation as {"raw": base64, "signature": header}."""
    from tests.payments.money_in import an_intent, raw_of, signature_of

    webhooks = []
    for _ in range(payments):
        raw = raw_of(an_intent(price="20.00"))
        webhooks.append({"raw": base64.b64encode(raw).decode(), "signature": signature_of(raw)})
    return webhooks


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(prepare(int(sys.argv[1]))))
