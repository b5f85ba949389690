"""Timestamps of any delivered form become moments in UTC."""

from __future__ import annotations

import polars as pl

from retrain_assets.errors import PartitionError

UTC_TIME = pl.Datetime("us", "UTC")

_OFFSET = r"[T ]\d{2}:.*?(Z|[+-]\d{2}(?::?\d{2})?)$"
_COMMON_FORMATS = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d-%m-%Y")
    for time in ("", " %H:%M", " %H:%M:%S")
)
_ISO_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")


def to_utc(
    values: pl.Series,
    timezone: str,
    where: str,
    *,
    text_format: str | None = None,
    strict: bool = True,
) -> pl.Series:
    """Turn timestamps, dates or ISO text into moments in UTC.

    A naive time counts in ``timezone``: an hour that occurs twice is its first occurrence, and a time in
    the hour that summer time leaves out counts from before the gap (as Python's ``fold=0`` does).

    Parameters
    ----------
    values
        The column as delivered.
    timezone
        Time zone of naive times.
    where
        The file, for messages.
    text_format
        strftime format of text; default: the ISO 8601 forms.
    strict
        Whether text that cannot be read is an error; it becomes null otherwise.

    Returns
    -------
    pl.Series
        ``Datetime("us", "UTC")`` of the same name.

    Raises
    ------
    PartitionError
        When the values are no timestamps, cannot be read, or mix time zones.
    """
    if values.dtype == pl.Null:
        return values.cast(UTC_TIME)
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        moments = _from_text(values, timezone, where, text_format)
        if strict:
            _check_all_read(values, moments, where)
        return moments
    if values.dtype not in (pl.Datetime, pl.Date):
        raise PartitionError(
            f"{where}: the column {values.name!r} holds {values.dtype} values, which are no timestamps. "
            "Write timestamps, or text such as 2026-01-05T13:30:00Z."
        )
    return values.to_frame().select(utc_expr(values.name, values.dtype, timezone)).to_series()


def unreadable(values: pl.Series) -> str:
    """Say how a column of texts can be read of which no value could be.

    Parameters
    ----------
    values
        The column, with a value at the least.

    Returns
    -------
    str
        Half a sentence: the first value, and a form that fits all of them, where one is known.
    """
    texts = values.drop_nulls().cast(pl.String).str.strip_chars()
    form = common_form(texts)
    return f"the first is {texts[0]!r}" + ("" if form is None else f", which {form!r} would read")


def common_form(texts: pl.Series) -> str | None:
    """Find a usual strftime form, other than the ISO 8601 ones, that reads each of some texts; None where none does."""
    for form in _COMMON_FORMATS:
        if texts.str.to_datetime(form, strict=False, time_unit="us").null_count() == 0:
            return form
    return None


def utc_expr(name: str, dtype: pl.DataType, timezone: str) -> pl.Expr:
    """Give the moments in UTC of a column of type ``Date`` or ``Datetime``."""
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return column.cast(pl.Datetime("us", dtype.time_zone)).dt.convert_time_zone("UTC")
    naive = column.cast(pl.Datetime("us"))
    if timezone == "UTC":
        return naive.dt.replace_time_zone("UTC")
    local = _localise(naive, timezone)
    after_gap = _localise(naive.dt.offset_by("1h"), timezone)
    return pl.coalesce(local, after_gap).dt.convert_time_zone("UTC").alias(name)


def _localise(naive: pl.Expr, timezone: str) -> pl.Expr:
    return naive.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")


def _from_text(values: pl.Series, timezone: str, where: str, text_format: str | None) -> pl.Series:
    name = values.name
    text = values.str.strip_chars()
    if text_format is not None:
        try:
            parsed = text.str.to_datetime(text_format, strict=False, time_unit="us")
        except pl.exceptions.ComputeError as error:
            reason = str(error).splitlines()[0].removeprefix("Invalid format string: ").rstrip(".")
            raise PartitionError(
                f"{where}: source.read.timestamp_format: {text_format!r} cannot be used: {reason}."
            ) from None
        return to_utc(parsed, timezone, where)
    text = text.str.replace(" ", "T", literal=True)
    offset = text.str.extract(_OFFSET)
    bare = text.to_frame("text").select(
        pl.col("text").str.strip_suffix(pl.lit(offset.fill_null("")))
        if offset.null_count() < len(text)
        else "text"
    )
    naive = bare.select(
        pl.coalesce(
            pl.col("text").str.to_datetime(form, strict=False, time_unit="us") for form in _ISO_FORMATS
        )
    ).to_series()
    naive = naive.rename(name)
    given = offset.filter(naive.is_not_null())
    if given.null_count() == len(given):
        return to_utc(naive, timezone, where)
    if given.null_count():
        raise _mixed(name, where, "some values have an offset from UTC and some have none")
    offsets = given.unique().sort().to_list()
    minutes = offset.replace_strict(
        offsets, [_minutes(text) for text in offsets], default=None, return_dtype=pl.Int64
    )
    frame = pl.DataFrame([naive.alias("naive"), minutes.alias("minutes")])
    moments = frame.select(
        (pl.col("naive") - pl.duration(minutes=pl.col("minutes"))).dt.replace_time_zone("UTC")
    ).to_series()
    if len({_minutes(text) for text in offsets}) > 1:
        local = moments.dt.convert_time_zone(timezone).dt.replace_time_zone(None)
        if not (local == naive).all():
            raise _mixed(name, where, f"offsets from UTC: {', '.join(offsets)}")
    return moments.rename(name)


def _minutes(offset: str) -> int:
    if offset == "Z":
        return 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    return (-1 if offset[0] == "-" else 1) * (int(digits[:2]) * 60 + int(digits[2:]))


def _mixed(name: str, where: str, how: str) -> PartitionError:
    return PartitionError(
        f"{where}: the column {name!r} mixes time zones ({how}). Write all its values in UTC, such as "
        "2026-01-05T13:30:00Z, or declare the timezone that all of them belong to."
    )


def _check_all_read(values: pl.Series, moments: pl.Series, where: str) -> None:
    unread = values.is_not_null() & moments.is_null()
    count = int(unread.sum())
    if count:
        row = int(unread.arg_true()[0])
        raise PartitionError(
            f"{where}: {count} of {len(values)} values of the column {values.name!r} cannot be read as "
            f"timestamps, the first is {values[row]!r} in row {row + 1} of them. Declare their form in "
            "source.read.timestamp_format, or list such a text in source.read.null_values."
        )
