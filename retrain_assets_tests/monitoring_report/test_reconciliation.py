"""Estimates held against labels, and when they are withdrawn."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retrain_assets.monitoring_report.reconciliation import empty_record, reconcile, withdrawn

ESTIMATED = {"log_loss": {"confidence_based": {"value": 0.45, "lower": 0.43, "upper": 0.47}}}


def run_of(realised):
    """Reconcile a run of partitions."""
    record = empty_record()
    for day, value in enumerate(realised):
        record = reconcile(record, f"day {day:03}", ESTIMATED, {"log_loss": value})
    return record


def test_a_difference_is_told_for_each_partition():
    """Estimated and realised value, their difference and whether it lies in the interval are on record, as JSON."""
    record = run_of([0.46, 0.50])
    assert json.loads(json.dumps(record)) == record
    first, second = record["partitions"]
    assert first["difference"] == pytest.approx(-0.01)
    assert (first["inside"], second["inside"], second["realised"]) == (True, False, 0.50)
    assert (second["partition_key"], second["method"]) == ("day 001", "confidence_based")


def test_an_estimate_that_holds_is_never_withdrawn():
    """A half-year in which one of twenty lies outside withdraws nothing in twenty runs."""
    for seed in range(20):
        misses = np.random.default_rng(seed).uniform(size=182) < 0.05
        record = run_of(np.where(misses, 0.5, 0.45).tolist())
        assert record["methods"]["log_loss/confidence_based"]["withdrawn"] is None


def test_concept_drift_withdraws_the_estimate_and_says_why():
    """Five misses in a row suffice, after however many hits; its figures are taken out, with the reason."""
    hits = [0.45] * 60
    assert run_of([*hits, *[0.6] * 3])["methods"]["log_loss/confidence_based"]["withdrawn"] is None
    record = run_of([*hits, *[0.6] * 5])
    told = withdrawn(record, ESTIMATED)["log_loss"]["confidence_based"]
    assert told["value"] is None
    assert "lay outside its 95 % interval in 5" in told["withdrawn"]
    assert "until day 064" in told["withdrawn"]


def test_a_withdrawal_stands():
    """What holds again later does not bring a method back for this champion."""
    record = run_of([*[0.6] * 6, *[0.45] * 50])
    assert record["methods"]["log_loss/confidence_based"]["withdrawn"] is not None


def test_nothing_is_counted_without_figures():
    """A metric that is undefined on the partition, or withdrawn already, is no evidence."""
    assert reconcile(empty_record(), "day", ESTIMATED, {"log_loss": None}) == empty_record()
    silent = {
        "log_loss": {"confidence_based": {"value": None, "lower": None, "upper": None, "withdrawn": "x"}}
    }
    assert reconcile(empty_record(), "day", silent, {"log_loss": 0.4}) == empty_record()
    assert withdrawn(empty_record(), ESTIMATED)["log_loss"]["confidence_based"]["withdrawn"] is None
