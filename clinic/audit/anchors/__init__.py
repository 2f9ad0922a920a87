"""Heads of the chain, signed and kept where nobody who can change the database can reach.

``statements`` says what is signed, ``keys`` with what, ``targets`` where it goes, ``sending`` when, and
``trails`` reads it back beside the walk of ``verify_audit``.
"""
