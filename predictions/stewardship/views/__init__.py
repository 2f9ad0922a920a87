"""Pages of the model steward."""
