"""Reads a page as a browser would, strictly: what it does not close, repeats or leave unnamed is a fault."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "hr", "img", "input"}


class PageReader(HTMLParser):
    """Collects faults, ids, headings, addresses and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.headings: list[int] = []
        self.addresses: list[str] = []
        self.unlabelled: list[str] = []
        self.unscoped: list[str] = []
        self.n_tables = self.n_captions = self.n_plots = 0
        self._open: list[str] = []
        self._fields: list[bool] = []
        self._within_words = False
        self._text: list[str] = []
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._text).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._fields.append(any(name == "data-field" for name, _ in attrs))
        self._within_words = self._within_words and self._fields[-1]
        if tag not in _VOID:
            self._open.append(tag)
        else:
            self._fields.pop()
        self._look_at(tag, {name: value or "" for name, value in attrs})

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within_words = False
        self._look_at(tag, {name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes {self._open[-1:]}")
        else:
            self._open.pop()
            self._within_words = self._fields.pop() and self._within_words

    def handle_data(self, data: str) -> None:
        if {"style", "script", "title"} & set(self._open):
            return
        # The element that names a figure's field parts no words; every other one does.
        if self._within_words and self._text:
            self._text[-1] += data
        else:
            self._text.append(data)
        self._within_words = True

    def _look_at(self, tag: str, attributes: dict[str, str]) -> None:
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in ("aria-labelledby", "aria-describedby"):
            self.references += attributes.get(name, "").split()
        self.addresses += [attributes[name] for name in ("src", "href", "action", "srcset") if name in attributes]
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))
        named = attributes.keys() & {"aria-label", "aria-labelledby", "alt"}
        if tag in ("svg", "img") and not named and attributes.get("aria-hidden") != "true":
            self.unlabelled.append(str(attributes))
        if tag == "th" and "scope" not in attributes:
            self.unscoped.append(str(self.getpos()))
        self.n_tables += tag == "table"
        self.n_captions += tag == "caption"
        self.n_plots += attributes.get("class") == "plot"
