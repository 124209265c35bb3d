"""The page in a real browser: it asks for nothing, runs nothing that a span says, opens by mouse and by keyboard."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from directflow_cli.traces.arrangement import arranged
from directflow_cli.traces.page.render import page
from directflow_cli.traces.spans import Span

from .browser import Browser, Page, running
from .traces import span, stream

ENTER, DOWN, RIGHT, LEFT, SLASH = 13, 40, 39, 37, 191
OPEN = "Array.from(document.querySelectorAll('details[open] .name')).map(each => each.textContent)"
SHOWN = "Array.from(document.querySelectorAll('#spans > li:not(.hidden) .name')).map(each => each.textContent)"
HOSTILE = (
    '<script>document.title = "taken"</script>',
    '"><img src=http://127.0.0.1:9/leak onerror=\'document.title="taken"\'>',
    "</ol></main><style>*{display:none}</style><iframe src=http://127.0.0.1:9/></iframe>",
    "<!-- &lt; ]]> \x00 \x1b[31m \u202e",
    "'; document.title = 'taken'; '",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> "Show":
    return Show(browser, tmp_path / "trace.html")


class Show:
    def __init__(self, browser: Browser, file: Path) -> None:
        self._browser = browser
        self.file = file

    def __call__(self, spans: list[Span], **options: object) -> Page:
        arrangement = arranged(spans, lambda _: ())
        assert arrangement is not None
        self.file.write_text(page(arrangement), encoding="utf-8")
        return self._browser.open(self.file, **options)  # type: ignore[arg-type]


def hostile_trace() -> list[Span]:
    everywhere = [
        span(
            f"h{number}",
            "a",
            number,
            number + 1,
            name=text,
            service=text,
            status="ERROR",
            message=text,
            kind=text,
            attributes={"error.type": text, text: text, "db.query.text": text, "rpc.response.status_code": text},
            resource={text: text},
            links=((text, text),),
        )
        for number, text in enumerate(HOSTILE)
    ]
    return [replace(span("a", "", 0, 100), name=HOSTILE[0]), *everywhere]


def test_nothing_is_asked_for_but_the_file_and_the_console_stays_empty(show: Show) -> None:
    shown = show(stream())
    assert shown.requests() == [show.file.as_uri()]
    assert shown.complaints() == []


def test_what_a_span_says_is_text_wherever_it_says_it(show: Show) -> None:
    shown = show(hostile_trace())
    names = shown.value(SHOWN)
    assert HOSTILE[0] in names
    assert [text for text in HOSTILE[:3] if text not in "\n".join(names)] == []
    assert shown.value("document.title") == "Trace 4bf92f3577b34da6a3ce929d0e0e4736"
    assert shown.value("document.querySelectorAll('img, iframe, script, style').length") == 2, (
        "its own script and style"
    )
    assert shown.value("document.body.innerText").isprintable() or "\x1b" not in shown.value("document.body.innerText")
    assert shown.requests() == [show.file.as_uri()]
    assert shown.complaints() == []


def test_were_a_text_ever_not_escaped_the_policy_would_stop_it_and_this_browser_would_tell(
    browser: Browser, tmp_path: Path
) -> None:
    arrangement = arranged(stream(), lambda _: ())
    assert arrangement is not None
    file = tmp_path / "careless.html"
    file.write_text(page(arrangement).replace("<main>", f"<main>{HOSTILE[0]}{HOSTILE[1]}"), encoding="utf-8")
    shown = browser.open(file)
    assert shown.value("document.title").startswith("Trace")
    assert "Content Security Policy" in str(shown.complaints())


def test_details_open_by_a_click_and_close_by_the_next(show: Show) -> None:
    shown = show(stream())
    shown.click("#spans > li:last-child summary")
    assert shown.value(OPEN) == ["stream communities"]
    facts = shown.value("document.querySelector('details[open] dl').innerText")
    assert "directflow.definition.revision" in facts
    assert "workspaces/w/connections/customer" in facts
    shown.click("#spans > li:last-child summary")
    assert shown.value(OPEN) == []


def test_everything_can_be_done_by_the_keyboard(show: Show) -> None:
    shown = show(stream())
    shown.press("/", SLASH, "/")
    shown.write("stream communities")
    assert shown.value(SHOWN) == ["stream communities"]
    assert shown.value("document.getElementById('found').textContent") == "1 of 6"
    shown.press("ArrowDown", DOWN)
    shown.press("Enter", ENTER, "\r")
    assert shown.value(OPEN) == ["stream communities"]
    shown.press("ArrowLeft", LEFT)
    assert shown.value(OPEN) == []
    shown.press("ArrowRight", RIGHT)
    assert shown.value(OPEN) == ["stream communities"]


def test_only_what_failed_is_shown_on_demand(show: Show) -> None:
    shown = show([*stream(), span("z", "e", 20, 30, name="the one that failed", status="ERROR")])
    shown.click("#failed")
    assert shown.value(SHOWN) == ["the one that failed"]


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground_in_light_and_in_dark(show: Show, dark: bool) -> None:
    shown = show(stream(), dark=dark)
    for selector in (".name", ".told", ".good", "header > p"):
        text = shown.value(f"getComputedStyle(document.querySelector('{selector}')).color")
        ground = shown.value("getComputedStyle(document.body).backgroundColor")
        assert contrast(text, ground) >= 4.5, selector


def test_a_reader_hears_what_an_eye_sees(show: Show) -> None:
    shown = show([*stream(), span("z", "e", 20, 30, name="the one that failed", status="ERROR")])
    tree = shown.call("Accessibility.getFullAXTree")["nodes"]
    names = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]}
    assert ("heading", "Trace 4bf92f3577b34da6a3ce929d0e0e4736") in names
    assert ("searchbox", "Search") in names
    assert any(role == "DisclosureTriangle" and "failed" in name and "10.0 ms" in name for role, name in names)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_never_scrolls_sideways(show: Show, width: int) -> None:
    shown = show(hostile_trace(), width=width)
    assert shown.value("document.documentElement.scrollWidth") <= width


def test_two_thousand_spans_are_searched(show: Show) -> None:
    shown = show([span("a", "", 0, 2000), *(span(f"n{each}", "a", each, each + 1) for each in range(1_999))])
    shown.click("#wanted")
    shown.write("n1998")
    assert shown.value(SHOWN) == ["span n1998"]


def contrast(one: str, other: str) -> float:
    """As WCAG defines it, of two colours `rgb(r, g, b)`."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
