"""Reading a page as a browser's parser would, and Markdown tables as a person would."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "br", "img", "link", "input", "hr"}


@dataclass
class Node:
    """An element with its attributes and the text straight inside it."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""
    inside: list["Node"] = field(default_factory=list)

    def all(self, tag: str = "") -> list["Node"]:
        """Every element below, of a tag."""
        found = [node for node in self.inside if not tag or node.tag == tag]
        return found + [deeper for node in self.inside for deeper in node.all(tag)]

    def words(self) -> str:
        """All text below."""
        return " ".join(filter(None, [self.text.strip(), *(node.words() for node in self.inside)]))


class Reader(HTMLParser):
    """Builds the tree and notes end tags that close nothing."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]
        self.stray: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs))
        self.open[-1].inside.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1].tag == tag:
            self.open.pop()
        else:
            self.stray.append(tag)

    def handle_data(self, data: str) -> None:
        self.open[-1].text += data


def tree(page: str) -> Node:
    """The tree of a page whose every tag is closed in order."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.stray == []
    assert [node.tag for node in reader.open] == [""]
    return reader.root


def charts(root: Node) -> dict[str, Any]:
    """Chart data by id."""
    scripts = [node for node in root.all("script") if node.attributes.get("type") == "application/json"]
    return {str(node.attributes["id"]): json.loads(node.text) for node in scripts}


def texts(value: Any) -> list[str]:
    """Every string in a nest of JSON."""
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in items for text in texts(item)]


def pipe_tables(markdown: str) -> list[list[dict[str, str]]]:
    """Every table of a Markdown text, as rows by heading."""
    tables = []
    for block in re.findall(r"(?:^\|.*\|$\n?)+", markdown, re.MULTILINE):
        lines = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.strip().splitlines()]
        tables.append([dict(zip(lines[0], line, strict=True)) for line in lines[2:]])
    return tables
