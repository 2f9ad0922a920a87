"""Who did what to which record, append-only and chained."""
