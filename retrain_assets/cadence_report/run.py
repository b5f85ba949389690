"""Running the lab: what is missing of the matrix is computed, what is finished is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from retrain_assets.cadence_report.blocks import Cut
from retrain_assets.cadence_report.contest import KINDS
from retrain_assets.cadence_report.finished import finished_matrix
from retrain_assets.cadence_report.history import History, load_history
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.orders import Done, Order
from retrain_assets.cadence_report.parallel import BACKENDS, Machines, compute_cells
from retrain_assets.cadence_report.plan import plan_cells
from retrain_assets.cadence_report.retention import forget_unused, record_request
from retrain_assets.cadence_report.storage import keep, kept_cells, kept_file, last_cut
from retrain_assets.cadence_report.window_policies import choose_windows, parse_window
from retrain_assets.declaration import Declaration
from retrain_assets.errors import TrainingError
from retrain_assets.lake import Lake
from retrain_assets.spec.base import suggest

KEEP_EVERY = 5.0
"""Seconds between two writes: what a kill can cost."""
TELL_EVERY = 10.0
FEWEST_BLOCKS = 4


@dataclass(frozen=True)
class Request:
    """What a run of the lab was asked for.

    Parameters
    ----------
    blocks
        About how many blocks history is cut into.
    windows
        Windows to try besides the declared one, as :func:`parse_window` reads them; empty tries four usual ones.
    policies
        Kinds of policies to try besides never, the schedules and today's declaration.
    minutes
        After this time no cell is begun; None computes all.
    machines
        Where cells are computed.
    """

    blocks: int = 24
    windows: tuple[str, ...] = ()
    policies: tuple[str, ...] = KINDS
    minutes: float | None = None
    machines: Machines = Machines()  # noqa: RUF009 - frozen

    @property
    def wanted(self) -> dict[str, Any]:
        """What decides on the answers, as JSON has it: not where cells are computed."""
        return {
            "blocks": self.blocks,
            "windows": list(self.windows),
            "policies": list(self.policies),
            "minutes": self.minutes,
        }


def read_request(
    *,
    blocks: int,
    windows: Sequence[str],
    policies: Sequence[str],
    minutes: float | None,
    backend: str,
    processes: int | None,
    scheduler: str | None,
) -> Request:
    """Read what a run's configuration asks for.

    Raises
    ------
    TrainingError
        When a value cannot be meant; the sentence names it.
    """
    if blocks < FEWEST_BLOCKS:
        raise TrainingError(f"blocks: {blocks} blocks tell nothing; ask for {FEWEST_BLOCKS} or more.")
    if minutes is not None and not minutes > 0:
        raise TrainingError(f"minutes: {minutes:g} is no time to compute in; give a number above 0, or none.")
    if processes is not None and processes < 1:
        raise TrainingError(
            f"processes: {processes} compute nothing; give 1 or more, or none for one a core."
        )
    if backend not in BACKENDS:
        raise TrainingError(f"backend: {backend!r} is not known. {suggest(backend, BACKENDS)}")
    for text in windows:
        parse_window(text)
    for kind in policies:
        if kind not in KINDS:
            raise TrainingError(f"policies: {kind!r} is not known. {suggest(kind, KINDS)}")
    machines = Machines(BACKENDS[backend], processes, scheduler)
    return Request(blocks, tuple(windows), tuple(policies) or KINDS, minutes, machines)


@dataclass(frozen=True)
class Ran:
    """A matrix, and what it took.

    Parameters
    ----------
    matrix
        The matrix.
    cut
        Where its history was cut.
    cells, computed
        Cells of the whole matrix, and those that were computed in this run.
    seconds
        Time that it took.
    """

    matrix: Matrix
    cut: Cut
    cells: int
    computed: int
    seconds: float


def run_matrix(declaration: Declaration, request: Request, tell: Callable[[str], None]) -> Ran:
    """Compute the matrix of a pipeline's history, as far as it is not there already.

    Parameters
    ----------
    declaration
        The pipeline.
    request
        What is asked for.
    tell
        Takes sentences on the progress.

    Raises
    ------
    TrainingError
        When there is too little history, no window's model could be trained, or no cell was finished in time.
    """
    begin = time.monotonic()
    lake = declaration.lake
    history = load_history(declaration, request.blocks, last_cut(lake, request.blocks))
    blocks = history.ground.blocks
    windows = choose_windows(declaration.spec, request.windows, blocks[-1].end - blocks[0].start)
    orders = plan_cells(declaration, history, windows)
    record_request(lake, orders)
    missing = _missing(lake, orders)
    tell(
        f"{len(windows)} windows and {len(blocks)} blocks make {len(orders)} cells. "
        f"{len(missing)} of them have to be computed, the others are there or shared."
    )
    deadline = None if request.minutes is None else begin + 60 * request.minutes
    computed = _compute(lake, history, missing, request.machines, deadline, tell)
    matrix = finished_matrix(lake, history, windows, orders, request.minutes)
    forget_unused(lake)
    return Ran(matrix, history.cut, len(orders), computed, time.monotonic() - begin)


def _missing(lake: Lake, orders: Sequence[Order]) -> list[Order]:
    """Give what is not in the lake: models to train, and blocks that a model was not judged on."""
    kept = kept_cells(lake, {order.model for order in orders})
    missing: dict[str, Order] = {}
    for order in orders:
        trained = kept.trained.get(order.model)
        if order.model in missing or (trained is not None and trained.problem is not None):
            continue
        open_blocks = tuple(part for part in order.judged_on if (order.model, part[1]) not in kept.judged)
        if trained is None:
            missing[order.model] = order
        elif open_blocks:
            known = replace(trained, file=kept_file(lake, order.model))
            missing[order.model] = replace(order, judged_on=open_blocks, trained=known)
    return list(missing.values())


def _compute(
    lake: Lake,
    history: History,
    missing: Sequence[Order],
    machines: Machines,
    deadline: float | None,
    tell: Callable[[str], None],
) -> int:
    """Compute cells, writing and telling now and then; returns how many were finished."""
    waiting: list[Done] = []
    begin = kept = told = time.monotonic()
    finished = 0
    try:
        for done in compute_cells(history, missing, machines, deadline) if missing else ():
            waiting.append(done)
            finished += 1
            now = time.monotonic()
            if now - kept >= KEEP_EVERY:
                keep(lake, waiting)
                waiting, kept = [], now
            if now - told >= TELL_EVERY:
                left = timedelta(seconds=round((now - begin) / finished * (len(missing) - finished)))
                tell(f"{finished} of {len(missing)} cells are computed; about {left} to go.")
                told = now
    finally:
        # One cell that fails does not cost those that are finished.
        keep(lake, waiting)
    return finished
