"""The training engine that the algorithms share; never imported when serving."""
