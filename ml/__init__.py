"""The analysing half of Vigie: everything here runs without Django."""
