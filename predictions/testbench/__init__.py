"""The steward's test bench: invented inputs through the live queue, marked as a test everywhere."""
