"""The agreement: tells the rooms below what it adds to them."""

from django.apps import AppConfig


class EscrowsConfig(AppConfig):
    name = "escrows"
    verbose_name = "Escrows"

    def ready(self) -> None:
        from escrows import proof
        from escrows.funding import EscrowFunding
        from escrows.queries import PURPOSE
        from payments import purposes

        proof.register_rules()
        purposes.register(PURPOSE, EscrowFunding())
