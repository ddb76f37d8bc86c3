from django.db import migrations, models


class Migration(migrations.Migration):
    """Events are found by the support reference that people read out."""

    dependencies = [("events", "0003_append_only")]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["correlation_id"], name="event_by_reference", opclasses=["varchar_pattern_ops"]
            ),
        ),
    ]
