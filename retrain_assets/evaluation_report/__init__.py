"""Candidate, champion and a naive baseline, compared on rows that none of them was trained on."""
