"""Template tags of the model pages."""
