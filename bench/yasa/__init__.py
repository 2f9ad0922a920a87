"""YASA's sides of the sleep measurement, in YASA's own environment: nothing of Vigie's engine is imported."""
