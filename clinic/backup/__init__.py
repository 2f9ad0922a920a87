"""Backup and restore: database, private files, packages and anchors of the audit, as of one moment.

``manifest`` says what a backup holds, ``snapshot`` and ``loading`` know the two databases, ``making`` writes
one while the product runs, ``restoring`` brings one back into empty places and proves it.
"""
