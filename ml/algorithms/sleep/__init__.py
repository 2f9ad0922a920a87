"""Sleep staging of a whole night from an EDF recording."""
