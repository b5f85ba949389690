"""Errors that a user can act on: each is a sentence that names the place and the remedy."""


class RetrainError(Exception):
    """A condition that a user can mend; the message is one or more whole sentences."""


class SpecError(RetrainError):
    """A declaration (``defs.yaml``) is wrong."""


class SourceError(RetrainError):
    """The source cannot be reached, or cannot be read at all."""


class PartitionError(RetrainError):
    """One partition's data cannot be accepted; the partition is withheld, the others go on."""


class LakeError(RetrainError):
    """A table cannot be opened, or could not be written, because another run wrote to it."""


class TrainingError(RetrainError):
    """A model cannot be fitted or evaluated on the rows of its window."""


class ChampionError(RetrainError):
    """The champion cannot be read, or the ledger refuses a change of champion."""
