"""Risk of severe postpartum haemorrhage, asked at admission: a literature model with its interval."""
