import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0001_initial"),
        ("predictions", "0006_reading"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChannelMapping",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "labels_sha256",
                    models.CharField(help_text="Of the set of labels of the recording", max_length=64),
                ),
                ("labels", models.JSONField(help_text="The labels, sorted")),
                (
                    "options",
                    models.JSONField(
                        help_text="Channel by use: frontal, posterior, eog, emg, spo2, flow"
                    ),
                ),
                ("confirmed_at", models.DateTimeField()),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="channel_mappings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="channel_mappings",
                        to="accounts.unit",
                    ),
                ),
            ],
            options={
                "ordering": ["-confirmed_at"],
                "indexes": [
                    models.Index(
                        fields=["unit", "labels_sha256", "-confirmed_at"], name="mapping_of_labels"
                    )
                ],
            },
        ),
    ]
