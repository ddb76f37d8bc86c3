"""The agreement: tells the rooms below what it adds to them."""

from django.apps import AppConfig


class EscrowsConfig(AppConfig):
    name = "escrows"
    verbose_name = "Escrows"

    def ready(self) -> None:
        from escrows import proof, repair_kinds
        from escrows.funding import EscrowFunding
        from escrows.queries import PURPOSE
        from escrows.standing import background_of
        from payments import purposes
        from wallets.withdrawal_review import register_background

        proof.register_rules()
        repair_kinds.register_repairs()
        register_background(background_of)
        purposes.register(PURPOSE, EscrowFunding())
