"""The books: tell the proof what they add to it about money on its way out."""

from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "wallets"
    verbose_name = "Books"

    def ready(self) -> None:
        from wallets import withdrawal_proof

        withdrawal_proof.register_rules()
