"""The journey of a study, one file per station: intake, queue, tasks, run, reap, review, outputs."""
