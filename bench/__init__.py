"""What Vigie costs, measured against the usual way of doing the same in the same run: ``make bench``."""
