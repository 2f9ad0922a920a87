"""Reference task: credits of a German bank, good or bad (Statlog), through the tabular engine."""
