"""How often people and the algorithms say the same: per unit, version and period, with intervals."""
