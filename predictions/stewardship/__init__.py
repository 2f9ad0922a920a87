"""What a model steward does from the browser: train on the hospital's births, decide which version serves."""
