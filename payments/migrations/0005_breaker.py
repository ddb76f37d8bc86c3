from django.db import migrations


class Migration(migrations.Migration):
    """Providers have breakers as well as sources of rates."""

    dependencies = [("payments", "0004_chain_claim")]

    operations = [migrations.RenameModel("RateBreaker", "Breaker")]
