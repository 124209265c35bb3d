"""The life of a resource: checked before it is saved, saved under etags, listed, rolled back, deleted."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Document
from directflow_runtime.definitions.kind import Checked
from directflow_runtime.definitions.resources import Resources
from directflow_runtime.errors import DirectFlowError, Problem, Severity, StatusCode
from directflow_runtime.logging import get_logger

ONE, TWO, FIXED = (f"workspaces/acme/things/{id}" for id in ("one", "two", "fixed"))


@dataclass
class Thing:
    """A definition with everything that a kind can say of one."""

    text: str
    uses: tuple[str, ...] = ()
    serial: int = 0
    """Ours: how many saves the name has seen."""


@dataclass
class Things:
    """A DefinitionKind. Its body is `serial|uses|text`."""

    collection: str = "things"
    title: str = "thing"
    not_found: str = "THING_NOT_FOUND"
    replaced: list[Thing | None] = field(default_factory=list)
    meanwhile: Any = None
    """Called once within the next check."""

    def read(self, document: Document) -> Thing:
        serial, uses, text = document.body.decode().split("|")
        return Thing(text, tuple(uses.split()), int(serial))

    def write(self, definition: Thing, checked: Checked[str]) -> bytes:
        return f"{definition.serial}|{' '.join(definition.uses)}|{definition.text}".encode()

    def content_type(self) -> str:
        return "text/thing"

    def references(self, definition: Thing) -> Iterable[str]:
        return definition.uses * 2

    def statements(self, definition: Thing) -> Iterable[bytes]:
        return [definition.text.encode()] * 2

    async def check(self, definition: Thing, before: Thing | None) -> Checked[str]:
        self.replaced.append(before)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        if definition.text == "unreachable":
            raise DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away")
        problems = [Problem(word.upper(), word) for word in definition.text.split() if word in ("bad", "worse")]
        problems += [Problem("ODD", "odd", Severity.WARNING)] if "odd" in definition.text else []
        return Checked(tuple(problems), "report")

    def settle(self, definition: Thing, before: Document | None) -> Thing:
        serial = 0
        if before is not None and before.body:
            with suppress(ValueError):  # a newer version's
                serial = self.read(before).serial
        return replace(definition, serial=serial + 1)


@pytest.fixture
def kind() -> Things:
    return Things()


@pytest.fixture
def cache(kind: Things) -> DefinitionCache[Thing]:
    return DefinitionCache(kind.read, get_logger("test"), {FIXED: Thing("fixed")})


@pytest.fixture
def things(kind: Things, memory: Any, cache: Any, call: Any) -> Resources[Thing, str]:
    return Resources(kind, memory, cache)


async def refused(call: Any) -> DirectFlowError:
    with pytest.raises(DirectFlowError) as raised:
        await call
    return raised.value


async def test_what_is_created_is_read_at_once(things: Any, memory: Any) -> None:
    await things.create(TWO, Thing("two"))
    saved = await things.create(ONE, Thing("one", (TWO,)))

    assert things.get(ONE) == saved
    assert saved.definition.text == "one"
    document = await memory.get(ONE)
    assert document == saved.document
    assert (document.author, document.content_type) == ("ada", "text/thing")
    assert (document.references, document.statements) == ((TWO,), (b"one",))


async def test_a_second_create_is_refused_without_a_check(things: Any, kind: Things) -> None:
    await things.create(ONE, Thing("one"))
    error = await refused(things.create(ONE, Thing("bad")))
    assert (error.code, error.reason) == (StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
    assert len(kind.replaced) == 1


async def test_a_create_sent_again_gets_its_first_result(things: Any) -> None:
    first = await things.create(ONE, Thing("one"), request_id="a")
    await things.update(ONE, Thing("changed"))
    assert (await things.create(ONE, Thing("one"), request_id="a")).document == first.document
    assert things.get(ONE).definition.text == "changed"


async def test_an_update_is_checked_against_what_it_replaces(things: Any, kind: Things) -> None:
    first = await things.create(ONE, Thing("one"))
    second = await things.update(ONE, Thing("changed"), first.document.etag)
    assert kind.replaced == [None, first.definition]
    assert second.definition == Thing("changed", serial=2)
    assert things.get(ONE) == second


async def test_an_update_of_what_is_not_there_is_refused_with_the_kinds_own_reason(things: Any) -> None:
    error = await refused(things.update(ONE, Thing("one")))
    assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "THING_NOT_FOUND")


async def test_of_two_editors_the_second_is_told(things: Any) -> None:
    seen = (await things.create(ONE, Thing("one"))).document.etag
    await things.update(ONE, Thing("hers"), seen)
    error = await refused(things.update(ONE, Thing("his"), seen))
    assert (error.code, error.reason) == (StatusCode.ABORTED, "ETAG_MISMATCH")
    assert things.get(ONE).definition.text == "hers"


async def test_an_editor_who_is_overtaken_during_the_check_is_told(things: Any, kind: Things) -> None:
    seen = (await things.create(ONE, Thing("one"))).document.etag

    async def overtake() -> None:
        await things.update(ONE, Thing("hers"))

    kind.meanwhile = overtake
    error = await refused(things.update(ONE, Thing("his"), seen))
    assert error.reason == "ETAG_MISMATCH"


async def test_without_an_etag_an_update_goes_over_whatever_is_there(things: Any, kind: Things) -> None:
    await things.create(ONE, Thing("one"))

    async def overtake() -> None:
        await things.update(ONE, Thing("hers"))

    kind.meanwhile = overtake
    saved = await things.update(ONE, Thing("his"))
    assert saved.definition == Thing("his", serial=3)
    assert kind.replaced[-1] == Thing("hers", serial=2)


async def test_a_broken_definition_is_not_saved_and_every_problem_is_told(things: Any, memory: Any) -> None:
    error = await refused(things.create(ONE, Thing("bad odd worse")))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")
    assert [problem.rule for problem in error.problems] == ["BAD", "WORSE", "ODD"]
    assert "bad (and 1 more)" in error.message
    assert memory.revision == 0


async def test_a_warning_does_not_refuse(things: Any) -> None:
    assert (await things.create(ONE, Thing("odd"))).definition.text == "odd"


async def test_a_dependency_that_is_down_is_no_fault_of_the_definition(things: Any, memory: Any) -> None:
    error = await refused(things.create(ONE, Thing("unreachable")))
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE")
    assert memory.revision == 0


async def test_validate_only_checks_everything_and_saves_nothing(things: Any, memory: Any) -> None:
    checked = await things.create(ONE, Thing("one"), validate_only=True)
    assert checked.definition.text == "one"
    assert (checked.document.revision, checked.document.etag) == (0, "")
    assert memory.revision == 0
    wrong = await things.create(ONE, Thing("bad"), validate_only=True)
    assert (wrong.definition.text, memory.revision) == ("bad", 0)

    saved = await things.create(ONE, Thing("one"))
    asked = await things.update(ONE, Thing("changed"), saved.document.etag, validate_only=True)
    assert (asked.document.revision, asked.document.etag) == (0, "")
    await things.delete(ONE, validate_only=True)
    assert things.get(ONE) == saved
    mismatch = await refused(things.update(ONE, Thing("changed"), "old", validate_only=True))
    assert mismatch.reason == "ETAG_MISMATCH"


async def test_a_deletion_is_seen_at_once(things: Any, memory: Any) -> None:
    saved = await things.create(ONE, Thing("one"))
    assert (await refused(things.delete(ONE, "old"))).reason == "ETAG_MISMATCH"
    await things.delete(ONE, saved.document.etag)
    with pytest.raises(DirectFlowError) as raised:
        things.get(ONE)
    assert raised.value.reason == "THING_NOT_FOUND"
    assert (await memory.get(ONE)).author == "ada"
    assert (await refused(things.delete(ONE))).reason == "THING_NOT_FOUND"


async def test_what_is_in_use_is_not_deleted(things: Any) -> None:
    await things.create(TWO, Thing("two"))
    await things.create(ONE, Thing("one", (TWO,)))
    assert (await refused(things.delete(TWO))).reason == "RESOURCE_IN_USE"
    assert things.get(TWO).definition.text == "two"


async def test_a_deletion_that_somebody_else_was_faster_with_is_not_found(
    things: Any, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = await things.create(ONE, Thing("one"))
    await memory.delete(ONE)

    async def a_moment_ago(name: str, revision: int = 0) -> Document:
        return saved.document  # type: ignore[no-any-return]

    monkeypatch.setattr(memory, "get", a_moment_ago)
    assert (await refused(things.delete(ONE))).reason == "THING_NOT_FOUND"


async def test_every_revision_is_listed_newest_first(things: Any) -> None:
    await things.create(ONE, Thing("1"))
    await things.update(ONE, Thing("2"))
    await things.delete(ONE)

    page, token = await things.revisions(ONE, 2, "")
    rest, end = await things.revisions(ONE, 2, token)

    assert [revision.definition and revision.definition.text for revision in page + rest] == [None, "2", "1"]
    assert [revision.document.deleted for revision in page] == [True, False]
    assert end == ""
    assert (await refused(things.revisions(TWO, 2, ""))).reason == "THING_NOT_FOUND"


async def test_a_revision_that_cannot_be_read_any_more_is_listed_without_a_definition(things: Any, memory: Any) -> None:
    await memory.put(Document(ONE, b"of another version"))
    page, _ = await things.revisions(ONE, 10, "")
    assert [revision.definition for revision in page] == [None]


async def test_what_a_newer_version_saved_is_neither_missing_nor_overwritten_and_can_be_rolled_back(
    things: Any, memory: Any, cache: Any
) -> None:
    first = await things.create(ONE, Thing("1"))
    for name, etag in ((ONE, first.document.etag), (TWO, "")):
        cache.accept(await memory.put(Document(name, b"of a newer version", etag=etag)))

    async def get_two() -> Any:
        return things.get(TWO)

    for call in (get_two(), things.update(TWO, Thing("2")), things.update(ONE, Thing("2"))):
        error = await refused(call)
        assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")
        assert "newer version" in error.message
    assert things.get(ONE) == first

    back = await things.rollback(ONE, first.document.revision)
    assert back.definition.text == "1"
    await things.delete(TWO)
    assert (await refused(things.update(TWO, Thing("2")))).reason == "THING_NOT_FOUND"


async def test_a_rollback_saves_the_old_definition_as_a_new_revision(things: Any, kind: Things) -> None:
    first = await things.create(ONE, Thing("1"))
    second = await things.update(ONE, Thing("2"))
    assert (await refused(things.rollback(ONE, first.document.revision, first.document.etag))).reason == "ETAG_MISMATCH"

    back = await things.rollback(ONE, first.document.revision, second.document.etag)

    assert back.definition == Thing("1", serial=3)
    assert back.document.revision > second.document.revision
    assert things.get(ONE) == back
    assert len((await things.revisions(ONE, 10, ""))[0]) == 3


async def test_a_rollback_is_checked_as_any_save(things: Any, memory: Any) -> None:
    put = await memory.put(Document(ONE, b"1||bad"))
    await memory.put(Document(ONE, b"2||good", etag=put.etag))
    assert (await refused(things.rollback(ONE, put.revision))).reason == "DEFINITION_BROKEN"
    assert await things.rollback(ONE, put.revision + 1, validate_only=True)
    assert memory.revision == 2


async def test_a_rollback_brings_back_what_was_deleted(things: Any) -> None:
    first = await things.create(ONE, Thing("1"))
    await things.delete(ONE)
    assert (await things.rollback(ONE, first.document.revision)).definition.text == "1"
    assert things.get(ONE).definition.text == "1"


async def test_there_is_no_rollback_to_a_deletion_or_to_what_never_was(things: Any) -> None:
    first = await things.create(ONE, Thing("1"))
    await things.delete(ONE)
    for revision in (first.document.revision + 1, 99):
        error = await refused(things.rollback(ONE, revision))
        assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "THING_NOT_FOUND")
        assert [violation.reason for violation in error.violations] == ["NO_SUCH_REVISION"]


async def test_a_definition_of_the_settings_is_read_and_listed_and_not_changed(things: Any, memory: Any) -> None:
    assert things.get(FIXED).definition.text == "fixed"
    assert things.get(FIXED).document.etag == ""
    for call in (
        things.create(FIXED, Thing("x")),
        things.update(FIXED, Thing("x")),
        things.delete(FIXED),
        things.revisions(FIXED, 10, ""),
        things.rollback(FIXED, 1),
    ):
        assert "settings file" in (await refused(call)).message
    assert memory.revision == 0


async def test_a_list_goes_by_name_in_pages_and_by_a_part_of_the_id(things: Any) -> None:
    for id in ("beta", "Alpha", "gamma", "alpine"):
        await things.create(f"workspaces/acme/things/{id}", Thing(id))
    await things.create("workspaces/other/things/alp", Thing("other"))

    def ids(page: Any) -> list[str]:
        return [saved.document.id for saved in page.items]

    first = things.page("workspaces/acme", "", 3, "")
    assert ids(first) == ["Alpha", "alpine", "beta"]
    assert ids(things.page("workspaces/acme", "", 3, first.next_page_token)) == ["fixed", "gamma"]
    assert ids(things.page("workspaces/acme", "ALP", 10, "")) == ["Alpha", "alpine"]
    with pytest.raises(DirectFlowError) as raised:
        things.page("workspaces/acme", "alp", 3, first.next_page_token)
    assert raised.value.reason == "PAGE_TOKEN_INVALID"


async def test_while_the_store_is_away_reads_go_on_and_saves_fail_cleanly(things: Any, memory: Any) -> None:
    saved = await things.create(ONE, Thing("one"))
    memory.go_away(DirectFlowError(StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", "away"))
    assert things.get(ONE) == saved
    assert things.page("workspaces/acme", "one", 10, "").items == (saved,)
    for call in (things.create(TWO, Thing("two")), things.update(ONE, Thing("x")), things.delete(ONE)):
        assert (await refused(call)).reason == "STORE_UNAVAILABLE"
    assert things.get(ONE) == saved
