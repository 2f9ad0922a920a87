"""Reference task: crashes reported in Chicago, with or without an injury, through the tabular engine."""
