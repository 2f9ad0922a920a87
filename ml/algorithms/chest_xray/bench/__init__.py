"""The transfer-learning bench: backbones, strategies and heads compared run by run.

It explains how the seed's network does and why the champion (:mod:`ml.algorithms.chest_xray.train`, linear
heads on frozen features) is another; it writes no package and never reads the official test.
"""
