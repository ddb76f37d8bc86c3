from django.db import migrations

from lockbay.database import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ("events", "0002_initial"),
    ]

    operations = [
        AppendOnly("events_event"),
    ]
