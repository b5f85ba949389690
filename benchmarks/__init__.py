"""Measurements of speed, memory and error rates: ``make bench``."""
