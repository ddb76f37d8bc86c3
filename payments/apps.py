from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Money in and out"

    def ready(self) -> None:
        from payments import proofs, purposes
        from payments.wallet_purpose import PURPOSE, WalletTopUp

        purposes.register(PURPOSE, WalletTopUp())
        proofs.register_rules()
