"""Rows for people: sentences and tables."""
