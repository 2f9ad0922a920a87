"""The serving half of the tabular engine: what a worker needs to score a row. No scikit-learn here."""
