"""Data with its sources: suites of models, tables of layers; figures, latencies and papers as they come."""
