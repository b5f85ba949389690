"""Does a new champion hold what its promotion promised: is it no worse than the one that it replaced."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from retrain_assets.champion.promotion_watch import PromotionWatch
from retrain_assets.comparison import Criterion, Metric, assign_blocks, compare
from retrain_assets.comparison.block_improvements import block_improvements
from retrain_assets.comparison.sequential import AlwaysValid, always_valid
from retrain_assets.declaration import Declaration
from retrain_assets.errors import TrainingError
from retrain_assets.monitoring_report.rows import TICK, LabelledRows
from retrain_assets.scores import SCORE, is_scored, score_schema, scores_of
from retrain_assets.spec import PipelineSpec

_IDENTITY = ["partition_key", "row_id"]
_BEFORE = "predecessor_score"


def scored_by_both(declaration: Declaration, watch: PromotionWatch, rows: LabelledRows) -> LabelledRows:
    """Take of a champion's labelled rows those that its predecessor scored too, with that score beside.

    Parameters
    ----------
    declaration
        The pipeline.
    watch
        Who is watched against whom.
    rows
        Rows since the promotion that the new champion scored.
    """
    lake = declaration.lake
    kind = score_schema(declaration.spec)[SCORE]
    scores = pl.DataFrame(schema={"partition_key": pl.String(), "row_id": pl.Int64(), _BEFORE: kind})
    if lake.exists("shadow_predictions"):
        scores = (
            lake.scan("shadow_predictions")
            .filter(
                pl.col("model_version") == watch.predecessor,
                pl.col(rows.columns.timestamp) >= watch.since,
            )
            .select(*_IDENTITY, pl.col(SCORE).alias(_BEFORE))
            .collect()
        )
        scores = scores.filter(pl.Series(is_scored(scores_of(scores[_BEFORE]))))
    both = rows.frame.with_row_index("at").join(scores, on=_IDENTITY, maintain_order="left")
    return LabelledRows(both, rows.y[both["at"].to_numpy()], rows.columns, rows.weight)


def judge_promise(
    spec: PipelineSpec,
    criterion: Criterion,
    watch: PromotionWatch,
    rows: LabelledRows,
    partition: tuple[datetime, datetime],
    report: Mapping[str, Any] | None,
) -> dict[str, Any] | None:
    """Compare a champion on watch with its predecessor, on the label-mature rows since its promotion.

    The test is the always-valid one: looked at after every partition, it ever finds a champion worse that is not
    with probability half of ``promotion.alpha`` at most. Under ``non_inferiority`` worse means by more than the
    margin. Blocks are those of the evaluation where they are spans of time, and days otherwise: repeated looks
    need blocks in the order of time. Where entities are declared the error is no less than that of their
    comparison. What was found once stands.

    Parameters
    ----------
    spec
        The declaration.
    criterion
        What decides about promotions.
    watch
        Who is watched against whom.
    rows
        As :func:`scored_by_both` gives them.
    partition
        Its bounds; its end is the moment that counts.
    report
        The report on the partition before: the test of the first look is kept.

    Returns
    -------
    dict or None
        None where the partition brings no label of the watch. Else, JSON-able: ``crossed``, ``version``,
        ``predecessor``, ``until``, ``sentence``, ``first_look`` (number of blocks at the first look; None before
        there was one) and ``numbers``.
    """
    start, as_of = partition
    previous = _previous(watch, report)
    if previous is not None and previous["crossed"]:
        return dict(previous)
    if start - spec.label.maturity >= watch.until:
        return None
    first_look = None if previous is None else previous["first_look"]
    span = rows.between(watch.since, min(watch.until, as_of - spec.label.maturity + TICK), as_of)
    found: AlwaysValid | str
    try:
        found = _look(spec, criterion, span, first_look)
    except TrainingError as error:
        found = str(error)
    crossed = not isinstance(found, str) and found.lower > found.null
    return {
        "crossed": crossed,
        "version": watch.version,
        "predecessor": watch.predecessor,
        "until": watch.until.isoformat(),
        "first_look": first_look if isinstance(found, str) else found.first_look,
        "sentence": _sentence(criterion.metric, watch, span, found),
        "numbers": {"rows": span.y.size} if isinstance(found, str) else _numbers(span, found),
    }


def _previous(watch: PromotionWatch, report: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What a report says of the same watch; None where it is about another one, or none."""
    if report is None or (report["version"], report["promoted_at"]) != (
        watch.version,
        watch.since.isoformat(),
    ):
        return None
    found: Mapping[str, Any] | None = report.get("watch")
    return found


def _look(
    spec: PipelineSpec, criterion: Criterion, span: LabelledRows, first_look: int | None
) -> AlwaysValid:
    """Look at how much better the predecessor was, block by block.

    Raises
    ------
    TrainingError
        When the blocks are too few, or the metric is undefined on the rows.
    """
    if span.start is None or span.end is None:
        raise ValueError("blocks are counted within a span: cut one by between()")
    if span.y.size == 0:
        raise TrainingError("No label of a row that both have scored is mature yet.")
    promotion = spec.promotion
    block = spec.evaluation.block if spec.evaluation.block_duration is not None else "1d"
    bounds = span.columns.timestamp, span.start, span.end
    before = criterion.of(span.frame, span.y, scores_of(span.frame[_BEFORE]))
    now = criterion.of(span.frame, span.y, span.score)
    series = block_improvements(
        criterion.metric,
        y=span.y,
        candidate=before,
        reference=now,
        blocks=assign_blocks(span.frame, block, *bounds).ids,
        weight=span.weights,
    )
    least, entity = 0.0, spec.evaluation.block_column
    if entity is not None:
        ids = assign_blocks(span.frame, entity, *bounds).ids
        least = compare(criterion.metric, span.y, before, now, ids, span.weights).standard_error
    return always_valid(
        series,
        alpha=promotion.alpha / 2,
        null=promotion.margin or 0.0,
        first_look=first_look,
        least_error=least,
    )


def _sentence(metric: Metric, watch: PromotionWatch, span: LabelledRows, found: AlwaysValid | str) -> str:
    pair = f"Version {watch.version} is on watch against version {watch.predecessor}, which it replaced, with"
    until = f"{pair} the rows until {watch.until:%Y-%m-%d %H:%M} UTC."
    if isinstance(found, str):
        return f"{until} {found}"
    worse = f"{metric.name} is worse by {found.estimate:.4g}"
    seen = f"On {span.y.size:,} rows in {found.blocks} blocks since its promotion its {worse}"
    if found.lower > found.null:
        than = f", more than the margin of {found.null:.4g}" if found.null else ""
        return (
            f"Version {watch.version} does worse than version {watch.predecessor}, which it replaced. {seen}, and by "
            f"{found.lower:.4g} at the least{than} (bound of {1 - found.alpha:.1%} over all looks)."
        )
    bound = "with no bound yet" if math.isinf(found.lower) else f"by {found.lower:.4g} at the least"
    return f"{until} {seen}, {bound}: it is not shown to be worse."


def _numbers(span: LabelledRows, found: AlwaysValid) -> dict[str, Any]:
    figures = {
        "worse_by": found.estimate,
        "lower": found.lower,
        "upper": found.upper,
        "threshold": found.null,
        "e_value": found.e_value,
        "alpha": found.alpha,
    }
    finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
    return {"rows": span.y.size, "blocks": found.blocks, "test": found.test} | finite
