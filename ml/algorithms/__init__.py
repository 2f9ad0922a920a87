"""One folder per algorithm, each with the same doors; see ``ml.registry``."""
