"""Hundreds of studies while processes are killed: ``python -m tests.soak``, or ``make soak``."""
