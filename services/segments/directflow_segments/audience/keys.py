"""Profile ids as fixed-size keys: exact where 16 bytes are enough, else a keyed 128-bit hash.

Every key's first word is spread evenly by a secret of the stream: nobody who chooses ids can make them collide or
crowd one bucket. Column by column in numpy and Arrow: hashing each id in Python would cost more than reading it.
"""

import binascii
import enum
import hashlib
import secrets

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from directflow_segments.audience.young_table import Words

UUID_LENGTH = 36
LONGEST_VECTORISED = 128
"""Bytes. Longer ids are hashed one by one with BLAKE2: one such id must not widen the whole batch."""
_UUID_HEX = np.array([i for i in range(UUID_LENGTH) if i not in (8, 13, 18, 23)])
_LANES = 4


class KeyForm(enum.Enum):
    """How profile ids are remembered. The value is the number of 64-bit words a key takes."""

    INTEGER = "integer"
    UUID = "uuid"
    TEXT = "text"

    @property
    def words(self) -> int:
        """64-bit words a key."""
        return 1 if self is KeyForm.INTEGER else 2


def key_form(field: pa.Field) -> KeyForm:
    """The form that is exact for this column where one is; the gateway names PostgreSQL's type in the metadata."""
    if pa.types.is_integer(field.type):
        return KeyForm.INTEGER
    if pa.types.is_string(field.type) and (field.metadata or {}).get(b"pg_type") == b"uuid":
        return KeyForm.UUID
    return KeyForm.TEXT


class KeyReader:
    """Makes keys out of a column of profile ids, under a secret of its own: no two readers' keys are alike."""

    def __init__(self, form: KeyForm) -> None:
        self.form = form
        self._secret = secrets.token_bytes(32)
        generator = np.random.Generator(np.random.Philox(int.from_bytes(self._secret)))
        self._multipliers = generator.integers(0, 2**64, 4, dtype=np.uint64) | np.uint64(1)
        pieces = LONGEST_VECTORISED // 4 + 1
        self._coefficients = generator.integers(0, 2**64, (pieces, _LANES), dtype=np.uint64)

    def read(self, column: pa.Array) -> Words:
        """The keys of a column without NULL."""
        if self.form is KeyForm.INTEGER:
            return self._spread(_int64(column))[None, :]
        if self.form is KeyForm.UUID:
            high, low = _uuid_words(column)
            return np.stack([self._spread(high ^ self._spread(low)), low])  # one to one: exact
        return self._hash(column if pa.types.is_string(column.type) else column.cast(pa.string()))

    def _spread(self, values: Words) -> Words:
        """One-to-one and secret: each step, an odd multiplication or a xor with a word's upper part, can be undone."""
        first, second, third, offset = self._multipliers
        values = (values ^ offset) * first
        values = (values ^ (values >> np.uint64(32))) * second
        spread: Words = (values ^ (values >> np.uint64(29))) * third
        return spread

    def _hash(self, column: pa.StringArray) -> Words:
        lengths = pc.binary_length(column).to_numpy(zero_copy_only=False)
        longest = int(lengths.max(initial=0))
        if longest <= LONGEST_VECTORISED:
            return self._multilinear(column, lengths, longest)
        short = lengths <= LONGEST_VECTORISED
        keys = np.empty((2, lengths.size), np.uint64)
        keys[:, short] = self._multilinear(column.filter(pa.array(short)), lengths[short], LONGEST_VECTORISED)
        keys[:, ~short] = self._blake2(column.filter(pa.array(~short)))
        return keys

    def _multilinear(self, column: pa.StringArray, lengths: npt.NDArray[np.integer], longest: int) -> Words:
        """Multilinear hashing (Lemire, Kaser: Strongly universal string hashing is fast): of each sum modulo 2**64 of
        32-bit pieces times secret coefficients, the upper 32 bits are strongly universal; four sums give 128 bits.
        The length counts as a piece, so that padding makes no two strings equal."""
        count = -(-longest // 4)
        padded = pc.ascii_rpad(column, count * 4, padding="\0").buffers()[2]
        pieces = np.frombuffer(padded or b"", np.uint32, lengths.size * count).reshape(lengths.size, count)
        sums = pieces.astype(np.uint64) @ self._coefficients[1 : count + 1]
        sums += lengths.astype(np.uint64)[:, None] * self._coefficients[0]
        upper = sums >> np.uint64(32)
        return np.ascontiguousarray(((upper[:, 0::2] << np.uint64(32)) | upper[:, 1::2]).T)

    def _blake2(self, column: pa.StringArray) -> Words:
        digests = [hashlib.blake2b(v.as_buffer(), digest_size=16, key=self._secret).digest() for v in column]
        return np.ascontiguousarray(np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2).T)


def _int64(column: pa.Array) -> Words:
    return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False)).view(np.uint64)


def _uuid_words(column: pa.StringArray) -> tuple[Words, Words]:
    """The upper and lower half of each uuid, out of the 36 characters that PostgreSQL prints."""
    text = pc.ascii_rpad(column, UUID_LENGTH).buffers()[2]
    characters = np.frombuffer(text or b"", np.uint8, len(column) * UUID_LENGTH).reshape(-1, UUID_LENGTH)
    halves = np.frombuffer(binascii.unhexlify(characters[:, _UUID_HEX].tobytes()), ">u8").reshape(-1, 2)
    return halves[:, 0].astype(np.uint64), halves[:, 1].astype(np.uint64)
