"""Does a model still meet what it was made for: windows of studies, reports over them, alerts."""
