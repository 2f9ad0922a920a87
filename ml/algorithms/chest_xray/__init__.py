"""Pneumonia on the frontal chest X-ray of a child of 1 to 5 years."""
