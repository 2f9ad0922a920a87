from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0007_token_of_a_program'),
    ]

    operations = [
        migrations.AddField(
            model_name='verification',
            name='since',
            field=models.BigIntegerField(db_default=1, default=1, help_text='Seal it began with; only 1 walks the whole chain'),
        ),
    ]
