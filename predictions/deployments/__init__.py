"""Versions of a model beside the one that serves: silent, in its shadow, or for a share of the studies."""
