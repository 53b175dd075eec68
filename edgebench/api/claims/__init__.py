"""Hold what papers claim against counting, against runs and against published measurements."""
