"""An audience adds up: in every run, in both orders, whatever the rows and however they are cut into batches."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_segments.audience.ledger import Ledger, LedgerEntry
from directflow_segments.audience.reachability import ContactRules, RequiredContact
from directflow_segments.audience.reader import AudienceReader, Delivery
from directflow_segments.audience.scratch import Scratch
from hypothesis import given
from hypothesis import strategies as st

Row = dict[str, Any]
SCRATCH = Scratch(memory_bytes=1 << 30)

CONTACTS = {
    "email": st.sampled_from([None, "", "a@b.co", "c@d.org", "bad", "a@b", "ü@ö.de"]),
    "phone": st.sampled_from([None, "", "+49 170 1234567", "12", "0170/1234567"]),
}
KEYS = {
    "bigint": (pa.int64(), st.none() | st.integers(1, 6) | st.integers(-(2**63), 2**63 - 1)),
    "uuid": (pa.string(), st.none() | st.sampled_from([f"00000000-0000-0000-0000-00000000000{n}" for n in range(6)])),
    "text": (pa.string(), st.none() | st.sampled_from(["", "a", "b", "B", "ä", "a" * 200])),
}


def audience_schema(postgres_type: str = "bigint", contacts: tuple[str, ...] = ("email", "phone")) -> pa.Schema:
    key = pa.field("profile_id", KEYS[postgres_type][0], metadata={"pg_type": postgres_type})
    return pa.schema([key, *(pa.field(name, pa.string()) for name in contacts), pa.field("n", pa.int64())])


@st.composite
def audiences(draw: st.DrawFn) -> tuple[pa.Schema, tuple[str, ...], list[Row], list[int]]:
    """A schema, its contact columns, rows and where they are cut into batches."""
    postgres_type = draw(st.sampled_from(sorted(KEYS)))
    contacts = draw(st.sampled_from([("email",), ("phone",), ("email", "phone")]))
    row = st.fixed_dictionaries({"profile_id": KEYS[postgres_type][1]} | {c: CONTACTS[c] for c in contacts})
    rows = [{**one, "n": number} for number, one in enumerate(draw(st.lists(row, max_size=40)))]
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    return audience_schema(postgres_type, contacts), contacts, rows, cuts


def batches(schema: pa.Schema, rows: list[Row], cuts: list[int]) -> Iterator[pa.RecordBatch]:
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        yield pa.RecordBatch.from_pylist(rows[start:end], schema=schema)


def key_order(row: Row) -> tuple[bool, Any]:
    """NULL first, numbers by size, text by its bytes."""
    key = row["profile_id"]
    return key is not None, key.encode() if isinstance(key, str) else key or 0


def run(reader: AudienceReader, schema: pa.Schema, rows: list[Row], cuts: list[int]) -> list[Delivery]:
    deliveries = [reader.read(batch) for batch in batches(schema, rows, cuts)]
    reader.close()
    return deliveries


def people(deliveries: list[Delivery]) -> list[Row]:
    return [row for delivery in deliveries for row in delivery.people.to_pylist()]


def counts(ledger: Ledger) -> tuple[dict[str, int], dict[str, int]]:
    names = ["delivered", "null_keys", "no_contact", "invalid_contact", "duplicates"]
    entries: dict[str, LedgerEntry] = {name: getattr(ledger, name) for name in names}
    return {n: e.rows for n, e in entries.items()}, {n: e.people for n, e in entries.items()}


@given(audience=audiences(), by_key=st.booleans(), check=st.booleans())
def test_deliveries_and_ledger_are_those_of_the_plain_rules(
    reference: Callable[..., Any], audience: Any, by_key: bool, check: bool
) -> None:
    schema, contacts, rows, cuts = audience
    rules = ContactRules(check_format=check)
    if by_key:
        rows = sorted(rows, key=key_order)
        reader = AudienceReader.in_key_order(schema, rules)
    else:
        reader = AudienceReader.in_authors_order(schema, rules, SCRATCH)
    expected = reference(rows, contacts, contacts, check)
    assert people(run(reader, schema, rows, cuts)) == expected.delivered
    ledger = reader.ledger()
    assert counts(ledger) == (expected.rows, expected.people)
    assert ledger.contact_points_left_out == expected.left_out
    assert ledger.adds_up()
    assert ledger.rows_read == len(rows)
    assert ledger.people == len({row["profile_id"] for row in rows} - {None})


@given(audience=audiences(), required=st.sampled_from(list(RequiredContact)))
def test_only_the_required_contact_makes_reachable(reference: Callable[..., Any], audience: Any, required: Any) -> None:
    schema, contacts, rows, cuts = audience
    needed = tuple(c for c in contacts if required is RequiredContact.ANY or c == required.value)
    rules = ContactRules(required=required)
    if not needed:
        with pytest.raises(DirectFlowError) as refusal:
            AudienceReader.in_authors_order(schema, rules, SCRATCH)
        assert refusal.value.reason == "CONTRACT_BROKEN"
        return
    reader = AudienceReader.in_authors_order(schema, rules, SCRATCH)
    expected = reference(rows, contacts, needed)
    assert people(run(reader, schema, rows, cuts)) == expected.delivered
    assert counts(reader.ledger()) == (expected.rows, expected.people)


@given(audience=audiences(), broken_after=st.integers(0, 6))
def test_a_resumed_stream_delivers_who_is_left_and_nobody_twice(
    reference: Callable[..., Any], audience: Any, broken_after: int
) -> None:
    schema, contacts, rows, cuts = audience
    rows = sorted(rows, key=key_order)
    kept = run(AudienceReader.in_key_order(schema, ContactRules()), schema, rows, cuts)[:broken_after]
    key = next((d.resume_key for d in reversed(kept)), None)
    rest = [row for row in rows if key is None or (row["profile_id"] is not None and comes_after(row, key))]
    if key is None:
        assert people(kept) == []
    resumed = run(AudienceReader.in_key_order(schema, ContactRules()), schema, rest, [])
    assert people(kept) + people(resumed) == reference(rows, contacts, contacts).delivered


def comes_after(row: Row, key: str) -> bool:
    """What the gateway's `> $1` decides: by number, or by bytes."""
    own = row["profile_id"]
    return own > int(key) if isinstance(own, int) else own.encode() > key.encode()


@given(audiences())
def test_a_batch_without_anything_to_change_is_passed_on_itself(audience: Any) -> None:
    schema, _, rows, cuts = audience
    reader = AudienceReader.in_authors_order(schema, ContactRules(), SCRATCH)
    for batch in batches(schema, rows, cuts):
        delivery = reader.read(batch)
        assert delivery.unchanged == (delivery.people is batch)
        assert delivery.unchanged == (delivery.people.to_pylist() == batch.to_pylist())


def test_the_documented_order_of_decisions() -> None:
    rows = [
        {"profile_id": None, "email": "a@b.co"},
        {"profile_id": 1, "email": None},
        {"profile_id": 1, "email": "bad"},
        {"profile_id": 1, "email": "a@b.co"},
        {"profile_id": 1, "email": "a@b.co"},
        {"profile_id": 1, "email": ""},
        {"profile_id": 2, "email": "bad"},
        {"profile_id": 2, "email": None},
        {"profile_id": 3, "email": None},
    ]
    schema = audience_schema("bigint", ("email",))
    reader = AudienceReader.in_authors_order(schema, ContactRules(), SCRATCH)
    delivered = people(run(reader, schema, rows, []))
    assert [row["profile_id"] for row in delivered] == [1]
    assert reader.ledger() == Ledger(
        rows_read=9,
        delivered=LedgerEntry(1, 1),
        null_keys=LedgerEntry(0, 1),
        no_contact=LedgerEntry(1, 4),
        invalid_contact=LedgerEntry(1, 2),
        duplicates=LedgerEntry(1, 1),
        contact_points_left_out=0,
    )


def test_a_phone_number_of_a_number_type_is_judged_by_its_digits() -> None:
    schema = pa.schema([("profile_id", pa.int64()), ("phone", pa.int64())])
    rows = [{"profile_id": 1, "phone": 491701234567}, {"profile_id": 2, "phone": 12}, {"profile_id": 3, "phone": None}]
    reader = AudienceReader.in_authors_order(schema, ContactRules(), SCRATCH)
    assert people(run(reader, schema, rows, [])) == rows[:1]
    assert reader.ledger().invalid_contact.rows == 1


def test_field_metadata_survives_where_a_contact_point_is_left_out() -> None:
    email = pa.field("email", pa.string(), metadata={"pg_type": "citext"})
    schema = pa.schema([pa.field("profile_id", pa.int64()), email, pa.field("phone", pa.string())])
    rows = [{"profile_id": 1, "email": "bad", "phone": "+49170123456"}]
    reader = AudienceReader.in_authors_order(schema, ContactRules(), SCRATCH)
    (delivery,) = run(reader, schema, rows, [])
    assert delivery.people.schema.equals(schema, check_metadata=True)
    assert delivery.people.to_pylist() == [{"profile_id": 1, "email": None, "phone": "+49170123456"}]


def test_rows_out_of_order_are_an_error_of_ours_and_never_a_double_delivery() -> None:
    schema = audience_schema()
    rows = [{"profile_id": 2, "email": "a@b.co"}, {"profile_id": 1, "email": "a@b.co"}]
    for cuts in ([], [1]):
        with pytest.raises(DirectFlowError) as refusal:
            run(AudienceReader.in_key_order(schema, ContactRules()), schema, rows, cuts)
        assert refusal.value.code == StatusCode.INTERNAL


@pytest.mark.parametrize("postgres_type", ["numeric", "citext", "double precision", "character(5)", "date"])
def test_key_order_is_refused_where_equal_keys_may_print_differently(postgres_type: str) -> None:
    key = pa.field("profile_id", pa.string(), metadata={"pg_type": postgres_type})
    with pytest.raises(DirectFlowError, match="::text") as refusal:
        AudienceReader.in_key_order(pa.schema([key, pa.field("email", pa.string())]), ContactRules())
    assert refusal.value.reason == "CONTRACT_BROKEN"


@pytest.mark.parametrize("postgres_type", ["bigint", "uuid", "text", "character varying(40)"])
def test_key_order_takes_the_usual_keys(postgres_type: str) -> None:
    key = pa.field("profile_id", pa.string(), metadata={"pg_type": postgres_type})
    AudienceReader.in_key_order(pa.schema([key, pa.field("email", pa.string())]), ContactRules())


@pytest.mark.parametrize(
    "schema",
    [
        pa.schema([("email", pa.string())]),
        pa.schema([("profile_id", pa.int64())]),
        pa.schema([("profile_id", pa.int64()), ("profile_id", pa.int64()), ("email", pa.string())]),
    ],
)
def test_columns_that_make_no_audience_break_the_contract(schema: pa.Schema) -> None:
    with pytest.raises(DirectFlowError) as refusal:
        AudienceReader.in_authors_order(schema, ContactRules(), SCRATCH)
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.FAILED_PRECONDITION, "CONTRACT_BROKEN")
