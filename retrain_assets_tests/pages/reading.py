"""Reading a page as a browser does, without one."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "br"}


class Reading(HTMLParser):
    """A page's text, its addresses, and whether its elements close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.addresses: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    @property
    def text(self) -> str:
        """Everything to be read, with single spaces."""
        return " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.elements.append((tag, dict(attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        opened = self.open.pop()
        if opened != tag:
            raise AssertionError(f"</{tag}> closes <{opened}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        """Keep the text, but not the style sheet."""
        if "style" not in self.open:
            self.words.append(data)


def poisoned(value: object) -> object:
    """Put markup into every text of a document that is no address, moment or code that the page reads."""
    if isinstance(value, dict):
        kept = {"verdict", "task", "delay", "holdout", "model", "metric", "timezone", "period"}
        return {
            key: part if key in kept and isinstance(part, str) else poisoned(part)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [poisoned(part) for part in value]
    if isinstance(value, str) and not value[:4].isdigit():
        return f"{value}<script>alert(1)</script>\"'&"
    return value
