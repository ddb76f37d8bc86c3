"""A person's own invitation to LockBay (E19)."""

import secrets

from django.db import IntegrityError, transaction

from escrows.affiliate_models import AffiliateLink
from escrows.identifiers import ALPHABET
from lockbay import clock
from lockbay.people.models import User

_LENGTH = 8
_TRIES = 5


def make_affiliate_link(*, actor: User) -> AffiliateLink:
    """The link of `actor`, made at the first call; every later one returns the same."""
    for _ in range(_TRIES):
        known = AffiliateLink.objects.filter(owner=actor).first()
        if known is not None:
            return known
        code = "".join(secrets.choice(ALPHABET) for _ in range(_LENGTH))
        try:
            with transaction.atomic(durable=True):
                return AffiliateLink.objects.create(owner=actor, code=code, made_at=clock.now())
        except IntegrityError:  # the same person at once, or (hardly) the same code: look again
            continue
    raise RuntimeError("No free affiliate code was found.")
