"""What a prediction was computed on: empty for those of before, where nobody wrote it down."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("predictions", "0010_disclosures")]

    operations = [
        migrations.AddField(
            model_name="prediction",
            name="runtime",
            field=models.JSONField(
                default=dict,
                help_text="What it was computed on (ml.runtime); empty where nobody wrote it down",
            ),
        ),
    ]
