"""Data with its sources: suites of models today; figures, latencies and papers as they come."""
