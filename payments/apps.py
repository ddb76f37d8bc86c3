from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Money in and out"

    def ready(self) -> None:
        from payments import health, proofs, purposes
        from payments.rates import prewarm
        from payments.wallet_purpose import PURPOSE, WalletTopUp

        purposes.register(PURPOSE, WalletTopUp())
        proofs.register_rules()
        health.register_payment_checks()
        prewarm.prewarm_when_worker_starts()
