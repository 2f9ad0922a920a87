"""Studies that have another version analyse the files of an answered one, beside it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("predictions", "0013_ended_studies")]

    operations = [
        migrations.AddField(
            model_name="study",
            name="repeats",
            field=models.ForeignKey(
                blank=True,
                help_text="The answered study whose files it has another version analyse",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="repetitions",
                to="predictions.study",
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="repeats_with",
            field=models.CharField(
                editable=False,
                help_text="The version in service when that was asked",
                max_length=40,
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.UniqueConstraint(
                fields=["repeats", "repeats_with"],
                condition=models.Q(repeats__isnull=False),
                name="one_repetition_per_version",
            ),
        ),
    ]
