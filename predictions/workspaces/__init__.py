"""What the result page of one algorithm needs beyond its stored result: mostly where things are drawn."""
