"""Verdicts: pure functions from figures and flags to what may be said of a claim."""
