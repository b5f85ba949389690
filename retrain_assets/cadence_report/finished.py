"""Which part of a matrix is finished: all of it, or as much as a budget allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from retrain_assets.cadence_report.assemble import Cell, assemble
from retrain_assets.cadence_report.history import History
from retrain_assets.cadence_report.matrix import Matrix, WindowPolicy
from retrain_assets.cadence_report.orders import Order
from retrain_assets.cadence_report.storage import Kept, kept_cells
from retrain_assets.errors import TrainingError
from retrain_assets.lake import Lake


def finished_matrix(
    lake: Lake,
    history: History,
    windows: Sequence[WindowPolicy],
    orders: Sequence[Order],
    minutes: float | None,
) -> Matrix:
    """Assemble what is finished: as much history as the declared window has, and the other windows that have it too.

    Parameters
    ----------
    lake
        Where finished cells are.
    history
        The rows.
    windows
        The windows, the declared one first.
    orders
        All cells.
    minutes
        The budget, for the sentence on what it did not allow; None where all cells were to be computed.

    Raises
    ------
    TrainingError
        When too few cells are finished, when cells are missing that no budget left out, or when no model could be
        trained.
    """
    kept = kept_cells(lake, {order.model for order in orders})
    cells = {window: _cells_of(window, orders, kept) for window in windows}
    blocks, declared = len(history.ground.blocks), windows[0]
    if minutes is None:
        _check_all(cells, blocks)
    else:
        _check_enough(cells[declared], minutes)
    first = blocks - len(cells[declared])
    whole = [window for window in windows if len(cells[window]) >= blocks - first]
    notes = [] if minutes is None else _left_out(windows, whole, first, blocks, minutes)
    trained = [window for window in whole if any(cell.trained.rows for cell in cells[window])]
    if not trained:
        raise TrainingError(f"No model of history can be trained. {cells[whole[0]][0].trained.problem}")
    # The declared window stays even if it never has a model: that is what the declaration comes to.
    chosen = [window for window in whole if window in trained or window == declared]
    notes += [
        f"The window {window.name!r} is left out, because it never has a model. {cells[window][0].trained.problem}"
        for window in whole
        if window not in chosen
    ]
    numbered = [
        replace(cell, window=number)
        for number, window in enumerate(chosen)
        for cell in cells[window][: blocks - first]
    ]
    return assemble(history, chosen, numbered, first, notes)


def _check_all(cells: Mapping[WindowPolicy, Sequence[Cell]], blocks: int) -> None:
    if any(len(found) < blocks for found in cells.values()):
        raise TrainingError(
            "Cells that were computed are not in the lake: something removed them while this run was under way. "
            "Run it again; it computes those that are missing."
        )


def _check_enough(cells: Sequence[Cell], minutes: float) -> None:
    if len(cells) < 2:
        raise TrainingError(
            f"In {minutes:g} minutes too few cells were computed for any answer. What is finished is kept: run "
            "it again, or with a larger budget."
        )


def _cells_of(window: WindowPolicy, orders: Sequence[Order], kept: Kept) -> list[Cell]:
    """A window's cells from the newest block back to the first one that is not finished."""
    cells: list[Cell] = []
    for order in orders:
        if order.window != window:
            continue
        trained = kept.trained.get(order.model)
        found = {
            index: kept.judged[order.model, identity]
            for index, identity in order.judged_on
            if (order.model, identity) in kept.judged
        }
        if trained is None or (trained.problem is None and len(found) < len(order.judged_on)):
            break
        cells.append(Cell(0, order.block, trained, found))
    return cells


def _left_out(
    windows: Sequence[WindowPolicy], whole: Sequence[WindowPolicy], first: int, blocks: int, minutes: float
) -> list[str]:
    """Say which windows and which blocks a budget left out."""
    notes = []
    names = [window.name for window in windows if window not in whole]
    if names:
        notes.append(
            f"The budget of {minutes:g} minutes ended before these windows were finished: {', '.join(names)}. "
            "What is finished is kept: the next run goes on."
        )
    if first:
        notes.append(
            f"The budget of {minutes:g} minutes ended before the models of the first {first} of {blocks} blocks were "
            "trained: they are left out."
        )
    return notes
