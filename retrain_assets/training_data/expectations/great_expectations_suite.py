"""The same declaration as a great_expectations suite, for asset checks and Data Docs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import polars as pl

from retrain_assets.run_imports import import_for_good
from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.comparable_values import UnfitError, bound, kind_of, members
from retrain_assets.training_data.expectations.pandas_batch import needed_columns, paired_columns, to_pandas
from retrain_assets.training_data.expectations.results import (
    OWN_COLUMNS,
    ExpectationResult,
    as_text,
    figure_result,
    share_result,
    unfit,
)
from retrain_assets.training_data.expectations.row_condition import condition_query
from retrain_assets.training_data.expectations.row_condition_forms import read_condition

ResultFormat = Literal["BASIC", "COMPLETE"]
SuiteResult = ExpectationResult
_SETS = ("expect_column_values_to_be_in_set", "expect_column_values_to_not_be_in_set")


@dataclass(frozen=True)
class _Suite:
    """A suite that is ready to be held against batches of one schema."""

    batches: Any
    suite: Any
    unfit: Mapping[int, str]
    columns: Sequence[str]
    paired: frozenset[str]


def validate(
    frame: pl.DataFrame,
    expectations: Sequence[ExpectationSpec],
    name: str,
    docs_dir: Path | None = None,
) -> list[SuiteResult]:
    """Hold a batch against its expectations by great_expectations.

    The suite is built once for a declaration and a schema; each further batch costs the validation alone.

    Parameters
    ----------
    frame
        The delivered rows.
    expectations
        As declared.
    name
        Name of the suite.
    docs_dir
        Folder for the Data Docs, one page ``index.html`` that needs neither network nor other files.

    Returns
    -------
    list of SuiteResult
        One per expectation, in the order of the declaration.
    """
    validation, built = _validation(frame, expectations, name, "BASIC")
    if docs_dir is not None:
        from retrain_assets.training_data.expectations.data_docs import write_page

        write_page(validation, docs_dir / "index.html")
    found = {result.expectation_config.meta["index"]: result for result in validation.results}
    return [
        unfit(index, expectation, built.unfit[index], frame.height)
        if index in built.unfit
        else _result(index, expectation, found[index], frame.height)
        for index, expectation in enumerate(expectations)
    ]


def unexpected_rows(
    frame: pl.DataFrame, expectations: Sequence[ExpectationSpec], name: str
) -> dict[int, list[int]]:
    """List the row numbers that great_expectations names for each expectation about rows, by its place."""
    validation, _ = _validation(frame, expectations, name, "COMPLETE")
    return {
        result.expectation_config.meta["index"]: sorted(result.result["unexpected_index_list"])
        for result in validation.results
        if "unexpected_index_list" in result.result
    }


def _validation(
    frame: pl.DataFrame, expectations: Sequence[ExpectationSpec], name: str, detail: ResultFormat
) -> tuple[Any, _Suite]:
    declared = json.dumps(
        [item.model_dump() for item in expectations], default=lambda value: value.isoformat()
    )
    delivered = frame.select(column for column in frame.columns if column not in OWN_COLUMNS)
    built = _build(name, declared, tuple(delivered.schema.items()))
    with warnings.catch_warnings():
        # Groups in regular expressions, infinities in aggregates: all as declared.
        for category in (UserWarning, RuntimeWarning, DeprecationWarning):
            warnings.simplefilter("ignore", category)
        batch = built.batches.get_batch(
            batch_parameters={"dataframe": to_pandas(delivered, built.columns, built.paired)}
        )
        validation = batch.validate(built.suite, result_format=detail)
    # great_expectations would keep the rows of every batch for as long as the process lives.
    kept = built.batches.data_asset.datasource.get_execution_engine().batch_manager
    kept.reset_batch_cache()
    kept.batch_data_cache.clear()
    return validation, built


@cache
def _batches() -> Any:
    """Open great_expectations for frames in memory; nothing is sent, kept or written by it."""
    with warnings.catch_warnings():
        # It imports a module that Python has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        import_for_good("great_expectations")
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
        )

    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
        ),
    )
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("training_data").add_dataframe_asset("partitions")
    return asset.add_batch_definition_whole_dataframe("partition")


@lru_cache(maxsize=32)
def _build(name: str, declared: str, schema: tuple[tuple[str, pl.DataType], ...]) -> _Suite:
    batches = _batches()
    import great_expectations as gx

    types = dict(schema)
    expectations = [ExpectationSpec.model_validate(item) for item in json.loads(declared)]
    suite = gx.ExpectationSuite(name=name)
    problems: dict[int, str] = {}
    for index, expectation in enumerate(expectations):
        try:
            made = _made(index, expectation, types)
        except UnfitError as error:
            problems[index] = str(error)
        except ValueError as error:
            problems[index] = f"great_expectations refuses it ({' '.join(str(error).split())})"
        else:
            suite.expectations.append(made)
    return _Suite(
        batches=batches,
        suite=suite,
        unfit=problems,
        columns=needed_columns(expectations, list(types)),
        paired=paired_columns(expectations, types),
    )


def _made(index: int, expectation: ExpectationSpec, schema: Mapping[str, pl.DataType]) -> Any:
    from great_expectations.expectations.registry import get_expectation_impl

    return get_expectation_impl(expectation.type)(
        **_arguments(expectation, schema),
        severity=expectation.severity,
        meta={**expectation.arguments.get("meta", {}), "index": index},
    )


def _arguments(expectation: ExpectationSpec, schema: Mapping[str, pl.DataType]) -> dict[str, Any]:
    """Arguments in the form of the column, so that both judges read the same bounds, members and conditions."""
    left_out = ("meta", "row_condition", "condition_parser")
    arguments = {name: value for name, value in expectation.arguments.items() if name not in left_out}
    condition = read_condition(expectation.arguments)
    if condition is not None:
        from great_expectations.expectations.row_conditions import PassThroughCondition

        query = condition_query(condition, schema)
        arguments["row_condition"] = PassThroughCondition(pass_through_filter=query)
    dtype = schema.get(arguments.get("column", ""))
    if dtype is None:
        return arguments
    kind = kind_of(dtype)
    if expectation.type in _SETS and kind not in ("other", "empty"):
        arguments["value_set"] = members(arguments["value_set"], dtype).to_list()
    of_values = expectation.type in (
        "expect_column_values_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_max_to_be_between",
    )
    if of_values and kind != "other":
        for name in {"min_value", "max_value"} & set(arguments):
            limit = bound(arguments[name], kind)
            # As text, because great_expectations cuts a datetime down to its date.
            arguments[name] = limit if limit is None or isinstance(limit, float) else limit.isoformat()
    return arguments


def _result(index: int, expectation: ExpectationSpec, found: Any, rows: int) -> SuiteResult:
    problem = _problem(found.exception_info)
    if problem is not None:
        return unfit(index, expectation, problem, rows)
    details = found.result
    if "unexpected_count" in details:
        evaluated = details["element_count"] - details.get("missing_count", 0)
        examples = details.get("partial_unexpected_list") or [None]
        example = None if examples[0] is None else as_text(examples[0])
        return share_result(index, expectation, details["unexpected_count"], evaluated, example)
    value = details.get("observed_value", bool(found.success))
    return figure_result(index, expectation, bool(found.success), value, rows)


def _problem(exception_info: Any) -> str | None:
    """Message of what went wrong in great_expectations, which nests it by metric."""
    if not isinstance(exception_info, Mapping):
        return None
    if "raised_exception" in exception_info:
        raised, message = exception_info["raised_exception"], exception_info.get("exception_message")
        return " ".join(str(message).split()).rstrip(".") if raised else None
    return next(filter(None, map(_problem, exception_info.values())), None)
