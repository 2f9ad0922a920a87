"""Staff, their roles and units, log-in and sessions."""
