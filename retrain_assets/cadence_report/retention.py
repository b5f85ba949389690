"""How long finished cells are kept: as long as a request of the last weeks used them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
from deltalake.exceptions import CommitFailedError

from retrain_assets.cadence_report.orders import Order
from retrain_assets.cadence_report.storage import CELLS, MODELS
from retrain_assets.lake import Lake

REQUESTS = "cadence_requests"
KEPT_FOR = timedelta(days=40)
"""Longer than a month, so that what is tried between two monthly reports costs the second one no model."""

_SCHEMA = {
    "at": pl.Datetime("us", "UTC"),
    "models": pl.List(pl.String()),
    "blocks": pl.List(pl.String()),
}


def record_request(lake: Lake, orders: Sequence[Order]) -> None:
    """Write down what a request uses, before it computes: a run that ends meanwhile leaves it these cells.

    Parameters
    ----------
    lake
        Where finished cells are.
    orders
        All cells of the request.
    """
    models = sorted({order.model for order in orders})
    blocks = sorted({identity for order in orders for _, identity in order.judged_on})
    lake.append(REQUESTS, pl.DataFrame([(datetime.now(UTC), models, blocks)], schema=_SCHEMA, orient="row"))


def forget_unused(lake: Lake) -> None:
    """Remove models and cells that neither the newest request nor any of the last ``KEPT_FOR`` uses.

    Files of what was removed go a week later, so that a run that reads them comes to its end.

    Parameters
    ----------
    lake
        Where finished cells, and the requests, are.
    """
    requests = lake.scan(REQUESTS)
    recent = pl.col("at") >= datetime.now(UTC) - KEPT_FOR
    used = requests.filter(recent | (pl.col("at") == pl.col("at").max())).collect()
    models, blocks = (set(used[name].explode()) for name in ("models", "blocks"))
    # A cell without its model would be computed again; a model without its cells is judged again.
    _remove(lake, CELLS, {"model": models, "block": blocks})
    _remove(lake, MODELS, {"model": models})


def _remove(lake: Lake, table: str, used: Mapping[str, Collection[str]]) -> None:
    """Remove the rows of which a column holds none of the values that are used."""
    handle = lake.open(table)
    if handle is None:
        return
    stays = pl.all_horizontal(pl.col(name).is_in(list(values)) for name, values in used.items())
    if lake.scan(table).filter(~stays).select(pl.len()).collect().item():
        conditions = (f"{name} NOT IN ({_listed(values)})" for name, values in used.items())
        before = handle.version()
        try:
            handle.delete(" OR ".join(conditions))
        except CommitFailedError:
            # Another run wrote at the same time: what it leaves is removed by the next one.
            if lake.version(table) == before:
                raise
    handle.vacuum(dry_run=False)


def _listed(values: Collection[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))
