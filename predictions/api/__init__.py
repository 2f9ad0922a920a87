"""The programmatic interface: the same doors as the pages, closed by default."""
