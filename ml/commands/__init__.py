"""The commands of ``python -m ml``: each file here registers its parsers and runs them."""
