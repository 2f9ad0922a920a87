"""Versions of the models: which there are, how each compares, and who decided that one serves."""
