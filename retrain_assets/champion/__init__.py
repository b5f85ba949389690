"""Who is champion: the ledger that decides, the registry that follows it, and the models' files."""
