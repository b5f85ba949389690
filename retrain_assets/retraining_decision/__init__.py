"""Whether to train again: evidence, reasons, what holds back, and the one function that decides."""
