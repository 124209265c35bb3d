"""The page. Without its script all can be read and opened as well: the script searches, and moves by arrow keys.

What spans say may be hostile. Every text goes through `_text`, and were that ever forgotten, the page's own policy
allows no script and no style but the two that it was made with (by their hashes), and no request to anywhere.
"""

import base64
import hashlib
import html
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from directflow_cli.commands.printable import printable
from directflow_cli.traces.arrangement import Arrangement
from directflow_cli.traces.spans import Span
from directflow_cli.traces.wording import details, duration, milliseconds, short_name, short_service

WIDTH = 1000
"""Of the time axis, in units of its own."""
LEAST_WIDTH = 3
MAX_INDENT = 24
COLOURS = 5


def page(trace: Arrangement) -> str:
    """The whole document."""
    style, script = _resource("page.css"), _resource("page.js")
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">',
            '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
            # A favicon would be the page's only request.
            '<meta name="referrer" content="no-referrer"><link rel="icon" href="data:,">',
            f"<title>Trace {_text(trace.trace_id)}</title><style>{style}</style></head><body>",
            *_header(trace),
            *_search(),
            '<main><ol id="spans" aria-label="Spans in calling order">',
            *(_line(trace, depth, span) for depth, span in trace.lines),
            f"</ol></main><script>{script}</script></body></html>\n",
        )
    )


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _resource(name: str) -> str:
    return (resources.files("directflow_cli.traces.page") / name).read_text("utf-8")


def _text(value: object) -> str:
    return html.escape(printable(str(value)))


def _header(trace: Arrangement) -> Iterator[str]:
    said = trace.verdict
    begin = datetime.fromtimestamp(trace.begin_ns / 1e9, UTC).isoformat(sep=" ", timespec="milliseconds")
    spans = f"{len(trace.lines)} span{'s' * (len(trace.lines) != 1)}"
    yield f"<header><h1>Trace <code>{_text(trace.trace_id)}</code></h1>"
    yield f"<p>{spans} of {_text(', '.join(trace.services))}, {duration(trace.duration_ns)}, from {begin}</p>"
    yield f'<section aria-label="Summary"><p class="{"bad" if said.failed else "good"}">{_text(said.ending)}</p>'
    yield f"<p><strong>{_text(said.time)}</strong></p>"
    yield from (f'<p class="advice">{_text(advice)}</p>' for advice in said.advice)
    yield from _shares(said.shares)
    yield _list("statements", said.statements) + _list("notes", trace.notes) + "</section></header>"


def _shares(shares: Iterable[tuple[str, float, int]]) -> Iterator[str]:
    yield '<table><caption>Where the time went</caption><thead class="unseen"><tr><th scope="col">part</th>'
    yield '<th scope="col">time</th><th scope="col">share</th></tr></thead><tbody>'
    for words, share, ns in shares:
        bar = _bar(0, share * WIDTH, "share")
        yield f'<tr><th scope="row">{_text(words)}</th><td>{duration(ns)}</td><td>{share:.0%}</td><td>{bar}</td></tr>'
    yield "</tbody></table>"


def _list(name: str, items: Iterable[str]) -> str:
    inner = "".join(f"<li>{_text(item)}</li>" for item in items)
    return f'<ul class="{name}">{inner}</ul>' if inner else ""


def _search() -> Iterator[str]:
    yield '<search><label for="wanted">Search</label><input id="wanted" type="search" autocomplete="off"'
    yield ' placeholder="name, service, reason, attribute"><output id="found" role="status"></output>'
    yield '<button type="button" id="failed" aria-pressed="false">Failed only</button>'
    yield '<button type="button" id="close">Close all</button></search>'


def _line(trace: Arrangement, depth: int, span: Span) -> str:
    colour = trace.services.index(short_service(span)) % COLOURS
    state = "failed" if span.failed else f"c{colour}"
    offset = (span.start_ns - trace.begin_ns) * WIDTH / max(trace.duration_ns, 1)
    width = span.duration_ns * WIDTH / max(trace.duration_ns, 1)
    failed = '<b class="bad">failed</b> ' if span.failed else ""
    return (
        f'<li class="{state}"><details><summary><span class="service">{_text(short_service(span))}</span>'
        f'<span class="name d{min(depth, MAX_INDENT)}">{_mark(trace, span)}{_text(short_name(span))}</span>'
        f"{_bar(offset, width, state)}"
        f'<span class="ms">{milliseconds(span.duration_ns)} ms</span>'
        f'<span class="told">{failed}{_text(" · ".join(details(span)))}</span></summary>'
        f"<dl>{''.join(_facts(trace, span))}</dl></details></li>"
    )


def _mark(trace: Arrangement, span: Span) -> str:
    if trace.is_linked(span) and len(span.links) > 1:
        return '<span title="shared with other calls, in a trace of its own">↪ </span>'
    return '<span title="its parent did not arrive">⋯ </span>' if span.span_id in trace.orphans else ""


def _bar(offset: float, width: float, state: str) -> str:
    """As SVG, whose geometry is attributes: a style on an element would be against the policy."""
    width = min(max(width, LEAST_WIDTH), WIDTH)
    at = min(max(offset, 0), WIDTH - width)
    return (
        f'<svg class="bar {state}" viewBox="0 0 {WIDTH} 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="{at:.1f}" y="0" width="{width:.1f}" height="10"/></svg>'
    )


def _facts(trace: Arrangement, span: Span) -> Iterator[str]:
    """Everything that the span says."""
    yield _fact("span", f"{span.service}: {span.name}")
    yield _fact("begins after", f"{milliseconds(span.start_ns - trace.begin_ns)} ms")
    yield _fact("status", f"{span.status} {span.message}".strip())
    if span.kind:
        yield _fact("kind", span.kind)
    yield _fact("span id", f"{span.span_id}, child of {span.parent_id or 'none'}, in trace {span.trace_id}")
    yield from _attributes(span.attributes)
    yield from _attributes(span.resource)
    for event in span.events:
        told = ", ".join(f"{name} {value}" for name, value in event.attributes.items())
        yield _fact(f"event {event.name}", f"after {milliseconds(event.at_ns - span.start_ns)} ms: {told}")
    if span.links:
        yield _fact("links", ", ".join(f"{span_id} of trace {trace_id}" for trace_id, span_id in span.links))


def _attributes(attributes: Mapping[str, Any]) -> Iterator[str]:
    yield from (_fact(name, value) for name, value in attributes.items())


def _fact(name: str, value: object) -> str:
    return f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>"
