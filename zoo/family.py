"""A lineage as people read it: a text tree, a Mermaid diagram, or a JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from registry.lineage import Node
from zoo.front_matter import plain

SYNTAX = {"quot": '"', "lt": "<", "gt": ">", "amp": "&", "35": "#", "37": "%", "96": "`"}
ENTITIES = {ord(sign): f"#{code};" for code, sign in SYNTAX.items()}


def tree_text(top: Node) -> str:
    """Draw the tree with the asked-for model marked by `*`."""
    return "\n".join(_lines(top, "", ""))


def mermaid(top: Node) -> str:
    """Return the tree as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""
    lines, names = ["flowchart TD"], {}
    for number, (_, node) in enumerate(_pairs(None, top)):
        names[id(node)] = f"m{number}"
        lines.append(f"    m{number}[{_quoted(node.ref, *_figures(node))}]")
    for parent, child in _pairs(None, top):
        if parent is not None:
            lines.append(f"    {names[id(parent)]} -->|{_quoted(*_step(child))}| {names[id(child)]}")
        if child.asked:
            lines.append(f"    style {names[id(child)]} stroke-width:3px")
    return "\n".join(lines)


def document(top: Node) -> dict[str, Any]:
    """Return what `zoo lineage --json` prints: the top, each node with its `children`."""
    step = top.step
    return {
        "ref": top.ref, "source": top.source or None, "asked": top.asked, "metrics": top.metrics,
        "parent": step.parent if step else None, "reuse": step.reuse if step else None,
        "reused": step.reused if step else (), "data": step.data if step else None,
        "fingerprint": step.fingerprint if step else None, "children": [document(child) for child in top.children],
    }  # fmt: skip


def _lines(node: Node, lead: str, below: str) -> Iterator[str]:
    mark = "* " if node.asked else ""
    here = "" if node.source else " (not on this machine)"
    yield f"{lead}{mark}{plain(node.ref)}{here}"
    under = below + ("│   " if node.children else "    ")
    for text in (*_step(node), *_figures(node)):
        yield under + plain(text)
    for child in node.children:
        last = child is node.children[-1]
        yield from _lines(child, below + ("└── " if last else "├── "), below + ("    " if last else "│   "))


def _step(node: Node) -> list[str]:
    step = node.step
    if step is None:
        return []
    if not step.reuse and not step.run:
        return ["imported"]
    kept = (
        f"reused {step.reuse!r}: {', '.join(step.reused)}" if step.reuse else "its architecture, trained from scratch"
    )
    return [kept, *([f"data {step.data} ({step.fingerprint[:12]})"] if step.data else [])]


def _figures(node: Node) -> list[str]:
    accuracy = node.metrics.get("test_accuracy")
    if not isinstance(accuracy, float):
        return []
    anew = node.step is not None and not node.step.reuse  # what is kept of the run is the model from scratch
    rival = node.metrics.get("reused_test_accuracy" if anew else "scratch_test_accuracy")
    name = "reuse" if anew else "from scratch"
    against = f", {accuracy - rival:+.4f} against {name}" if isinstance(rival, float) else ""
    return [f"test accuracy {accuracy:.4f}{against}"]


def _pairs(parent: Node | None, node: Node) -> Iterator[tuple[Node | None, Node]]:
    yield parent, node
    for child in node.children:
        yield from _pairs(node, child)


def _quoted(*lines: str) -> str:
    """Quote a label; a card's text must not become syntax: https://mermaid.js.org/syntax/flowchart.html#entity-codes."""
    return f'"{"<br>".join(plain(line).translate(ENTITIES) for line in lines)}"'
