"""Paths of a source: one file, a glob, or a path that names the partition."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NoReturn

from retrain_assets.errors import SpecError

_DIRECTIVES = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{2}", "d": r"\d{2}", "j": r"\d{3}", "H": r"\d{2}", "M": r"\d{2}",
    "S": r"\d{2}", "f": r"\d{1,6}", "b": r"[^\W\d_]+", "B": r"[^\W\d_]+", "G": r"\d{4}", "V": r"\d{2}",
    "W": r"\d{2}", "U": r"\d{2}", "u": r"[1-7]", "w": r"[0-6]",
}  # fmt: skip
_TOKEN = re.compile(
    r"\{(?P<brace>[^{}]*)\}|(?P<folders>\*\*/)|(?P<many>\*+)|(?P<one>\?)|(?P<plain>.)", re.DOTALL
)
_NEEDED = {
    "daily": ({"d"}, {"j"}, {"V"}),
    "weekly": ({"d"}, {"j"}, {"V"}, {"W"}, {"U"}),
    "monthly": ({"m"}, {"b"}, {"B"}, {"j"}),
}
_WORDS = {"daily": "day", "weekly": "week", "monthly": "month"}


@dataclass(frozen=True)
class PathPattern:
    """A path with wildcards (``*``, ``?``, ``**/``) and ``{partition:<strftime format>}``.

    Parameters
    ----------
    text
        The whole path or address.
    """

    text: str

    @property
    def partitioned(self) -> bool:
        """Whether the path names the partition."""
        return bool(self._directives)

    @property
    def single(self) -> bool:
        """Whether the path names exactly one file."""
        return re.search(r"[*?{]", self.text) is None

    @cached_property
    def glob(self) -> str:
        """The path with a wildcard in place of what names the partition."""
        wild = re.sub(r"\{[^{}]*\}", lambda match: re.sub(r"%\w", "?*", match.group()[11:-1]), self.text)
        # pathlib takes two stars as a whole component only, where they are all folders below.
        return re.sub(r"(?<![^/])(\*\*)(?=/)|\*{2,}", lambda match: match[1] or "*", wild)

    @cached_property
    def folder(self) -> str:
        """The folder in front of the first wildcard, with its slash."""
        start = re.search(r"[*?]", self.glob)
        return self.glob[: self.glob.rfind("/", 0, start.start() if start else None) + 1]

    @cached_property
    def _directives(self) -> list[str]:
        found = []
        for match in re.finditer(r"\{([^{}]*)\}", self.text):
            form = match.group(1)
            if not form.startswith("partition:") or "%" not in form:
                raise SpecError(
                    f"source.path: {{{form}}} is not known in {self.text!r}. Write "
                    "{partition:%Y-%m-%d}, with the directives of strftime."
                )
            for name in re.findall(r"%(.)", form):
                if name not in _DIRECTIVES:
                    raise SpecError(
                        f"source.path: %{name} in {self.text!r} cannot be read back from a file's name. Use "
                        f"{', '.join('%' + known for known in _DIRECTIVES)}."
                    )
                found.append(name)
        return list(dict.fromkeys(found))

    def check(self, period: str) -> None:
        """Check that the path's form is known, and names a partition as finely as the period needs.

        Raises
        ------
        SpecError
            When it does not.
        """
        named = set(self._directives)
        if named and not any(choice <= named for choice in _NEEDED[period]):
            self._too_coarse(period)
        if named and not named & {"Y", "y", "G"}:
            raise SpecError(
                f"source.path: {self.text!r} names no year, so a file belongs to no one partition; add %Y."
            )

    def _too_coarse(self, period: str) -> NoReturn:
        raise SpecError(
            f"source.path: {self.text!r} names no {_WORDS[period]}, and source.partition is {period}. "
            "Name it, such as {partition:%Y-%m-%d}, declare a longer partition, or write * for a file that "
            "holds many partitions."
        )

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        seen: set[str] = set()
        parts = []
        for match in _TOKEN.finditer(self.text):
            if match["brace"] is not None:
                for token in re.finditer(r"%(.)|([^%]+)", match["brace"].removeprefix("partition:")):
                    name, plain = token.groups()
                    if plain:
                        parts.append(re.escape(plain))
                    elif name in seen:
                        parts.append(f"(?P=d_{name})")
                    else:
                        seen.add(name)
                        parts.append(f"(?P<d_{name}>{_DIRECTIVES[name]})")
            elif match["folders"]:
                parts.append("(?:[^/]+/)*")
            elif match["many"]:
                parts.append("[^/]*")
            else:
                parts.append("[^/]" if match["one"] else re.escape(match["plain"]))
        return re.compile("".join(parts))

    def matches(self, path: str) -> bool:
        """Whether a path has this form."""
        return self._regex.fullmatch(path) is not None

    def moment(self, path: str) -> datetime | None:
        """Local time that a path names; None where it names no real date.

        Parameters
        ----------
        path
            A path of this form.
        """
        match = self._regex.fullmatch(path)
        if match is None:
            return None
        values = {name: match[f"d_{name}"] for name in self._directives}
        if ("V" in values or "W" in values or "U" in values) and not {"u", "w", "d"} & set(values):
            values["u"] = "1"  # a week is named by its Monday
        try:
            return datetime.strptime(" ".join(values.values()), " ".join(f"%{name}" for name in values))
        except ValueError:
            return None

    def path_at(self, moment: datetime) -> str:
        """Path of the file that names a local time; only for a path without wildcards."""
        return re.sub(r"\{partition:([^{}]*)\}", lambda match: moment.strftime(match.group(1)), self.text)
