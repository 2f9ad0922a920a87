"""Inputs that are damaged, lie about themselves or want to do harm: made anew each time, always the same.

``python -m tests.hostile --out DIR`` writes all of them, with a list of what is wrong with each.
"""
