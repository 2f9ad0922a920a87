"""What people signed, given back to training: with its provenance, without a name, of those who agreed."""
