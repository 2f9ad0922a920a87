"""Studies by when they ended: what ended since the last look is found without reading all of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("predictions", "0012_silent")]

    operations = [
        migrations.AddIndex(
            model_name="study", index=models.Index(fields=["finished_at"], name="ended_studies")
        ),
    ]
