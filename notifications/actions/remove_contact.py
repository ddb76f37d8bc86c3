"""Forgetting an address: but for that word nothing is sent there any more, until it is proved again."""

from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import Contact, User


def remove_contact(*, actor: User, channel: str) -> int:
    """Takes the proof from every address of the person on `channel` and returns how many that were.

    The rows stay: deliveries and events name them. An address that was given up may be proved by somebody else.
    """
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        proved = list(Contact.objects.filter(user=actor, channel=channel, verified_at__isnull=False))
        Contact.objects.filter(pk__in=[contact.pk for contact in proved]).update(verified_at=None, code_digest="")
        record(
            [
                NewEvent(
                    Kind.CONTACT_REMOVED,
                    "contact",
                    contact.pk,
                    actor_id=actor.pk,
                    data={
                        "user_id": actor.pk,
                        "contact_id": contact.pk,
                        "channel": channel,
                        "gone": channel,
                        "hears_of_it": contact.dead_at is None,
                    },
                )
                for contact in proved
            ]
        )
    return len(proved)
