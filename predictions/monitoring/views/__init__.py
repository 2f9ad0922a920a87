"""Pages of the model steward on drift and performance."""
