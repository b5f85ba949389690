"""What can be known wrong with a declaration when it is loaded, beyond its form."""

from __future__ import annotations

from retrain_assets.candidate_model.estimator import check_estimator
from retrain_assets.comparison import check_functions
from retrain_assets.declaration import Declaration
from retrain_assets.errors import SourceError, SpecError
from retrain_assets.features.derivation_faults import check_derivations
from retrain_assets.monitoring_report.business import check_business
from retrain_assets.monitoring_report.performance import check_performance
from retrain_assets.references import check_name
from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.columns import check_columns
from retrain_assets.training_data.expectations.vocabulary import check_expectations


def check_declaration(declaration: Declaration) -> list[str]:
    """Find faults that need a look at installed modules or at the source's columns.

    Parameters
    ----------
    declaration
        The pipeline.

    Returns
    -------
    list of str
        A sentence a fault, each beginning with the field; empty when all is well. A source that cannot be
        reached is none: its sensor tells.
    """
    spec = declaration.spec
    faults = [
        *check_estimator(spec),
        *_check_source_function(spec),
        *check_expectations(spec.expectations),
        *check_functions(spec.evaluation.metrics),
        *check_performance(spec),
    ]
    try:
        source = declaration.source()
        columns = source.columns()
    except SourceError:
        return faults
    except SpecError as error:
        return [*faults, str(error)]
    if columns is None:
        return faults
    return [
        *faults,
        *check_columns(spec, columns, source.address),
        *check_derivations(spec, columns),
        *check_business(spec, columns),
    ]


def _check_source_function(spec: PipelineSpec) -> list[str]:
    if spec.source.function is None:
        return []
    module, _, name = spec.source.function.partition(":")
    fault = check_name(module, name)
    return [] if fault is None else [f"source.function: {fault}"]
