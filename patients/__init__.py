"""Patients and their encounters."""
