"""Readers of sources: files, databases and functions, each delivered partition by partition."""
