// Cells of columns as text.

/** Looks at the row's bit, the least significant first. Without a bitmap no cell is NULL. */
export function isNull({ validity }, row) {
  return validity.length > 0 && !((validity[row >> 3] >> (row & 7)) & 1);
}

export function cellText(wireType, column, row) {
  switch (wireType) {
    case "WIRE_TYPE_BOOLEAN":
      return String(column.booleans[row]);
    case "WIRE_TYPE_INTEGER":
      return column.integers[row]; // a string: 64 bits do not fit a Number
    case "WIRE_TYPE_DOUBLE":
      return String(column.doubles[row]);
    case "WIRE_TYPE_TEXT":
      return column.texts[row];
    case "WIRE_TYPE_TIMESTAMP":
      return timestampText(BigInt(column.timestamps[row]));
    default:
      throw new Error(`wire type ${wireType} is not known to this program`);
  }
}

/** Date has milliseconds, PostgreSQL microseconds. */
function timestampText(microseconds) {
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((microseconds - fraction) / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(fraction).padStart(6, "0")}Z`;
}
