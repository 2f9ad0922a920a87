"""The pages of the versions."""
