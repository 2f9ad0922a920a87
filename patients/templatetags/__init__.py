"""Tags of the patient's banner."""
