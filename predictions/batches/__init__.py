"""Many cases at once: a table, a folder of images or a list of recordings, answered in chunks by the workers.

Nothing here belongs to a patient's record. The files read::

    table.py     which column of a table is which field
    intake.py    what is sent, accepted once and whole
    archives.py  what comes out of a ZIP file, and what never does
    work.py      what a worker does: take apart, answer a chunk, write the result
    results.py   the result as CSV and Parquet
    services.py  what becomes of a batch: asked again, withdrawn, deleted, swept
"""
