"""Computing cells side by side: on the cores of this machine, or on a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

from retrain_assets.cadence_report.cells import compute_cell
from retrain_assets.cadence_report.history import History
from retrain_assets.cadence_report.orders import Done, Order
from retrain_assets.errors import TrainingError

Backend = Literal["loky", "dask"]
BACKENDS: dict[str, Backend] = {"loky": "loky", "dask": "dask"}
CONNECT_SECONDS = 30


@dataclass(frozen=True)
class Machines:
    """Where cells are computed.

    Parameters
    ----------
    backend
        ``loky``: processes of this machine; ``dask``: the workers of a cluster.
    processes
        With ``loky``: how many; None means one a core.
    scheduler
        With ``dask``: address of the cluster's scheduler, such as ``tcp://10.0.0.5:8786``.
    """

    backend: Backend = "loky"
    processes: int | None = None
    scheduler: str | None = None


def compute_cells(
    history: History, orders: Sequence[Order], machines: Machines, deadline: float | None
) -> Iterator[Done]:
    """Compute cells, and give each as soon as it is finished.

    A cell that a worker of a cluster was computing when it died is computed by another one.

    Parameters
    ----------
    history
        The rows.
    orders
        The cells; begun in this order.
    machines
        Where they are computed.
    deadline
        Reading of ``time.monotonic()`` after which no cell is begun.

    Raises
    ------
    TrainingError
        When the cluster cannot be reached.
    """
    from joblib import Parallel, delayed

    packed = history.packed()

    def calls() -> Iterator[Any]:
        for order in orders:
            if deadline is not None and time.monotonic() >= deadline:
                return
            yield delayed(compute_cell)(packed, history.ground, order)

    on_cluster = machines.backend == "dask"
    with _cluster(machines.scheduler, packed) if on_cluster else nullcontext():
        processes = -1 if on_cluster else machines.processes or -1
        # One cell at a time, so that a budget ends soon after its time.
        yield from Parallel(n_jobs=processes, batch_size=1, return_as="generator_unordered")(calls())


@contextmanager
def _cluster(scheduler: str | None, packed: Any) -> Iterator[None]:
    """Connect to a cluster, give each of its workers the rows, and let joblib compute there."""
    from joblib import parallel_config

    try:
        from distributed import Client
    except ImportError as error:
        raise TrainingError(
            "backend: dask is not installed. Install retrain-assets[dask] here and on the cluster, or choose loky."
        ) from error
    if scheduler is None:
        raise TrainingError(
            "scheduler: backend dask needs the address of a scheduler, such as tcp://10.0.0.5:8786."
        )
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"scheduler: There is no Dask scheduler at {scheduler} ({error}). Start one, or mend the address."
        ) from error
    with client, parallel_config("dask", client=client, scatter=[packed]):
        yield
