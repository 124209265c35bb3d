package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	sqlv1 "github.com/directflow/directflow-go/directflow/sql/v1"
)

const keyColumn = "profile_id"

// table writes columns as lines of CSV, NULL as an empty cell, and remembers the people.
type table struct {
	csv    *csv.Writer
	schema []*sqlv1.ColumnType
	people []string
}

func newTable(out io.Writer) *table {
	return &table{csv: csv.NewWriter(out)}
}

func (t *table) begin(schema *sqlv1.Schema) error {
	t.schema = schema.Columns
	names := make([]string, len(t.schema))
	for i, column := range t.schema {
		names[i] = column.Name
	}
	return t.csv.Write(names)
}

func (t *table) add(batch *sqlv1.ColumnBatch) error {
	line := make([]string, len(t.schema))
	for row := 0; row < int(batch.RowCount); row++ {
		for i, column := range batch.Columns {
			text, err := cell(t.schema[i].WireType, column, row)
			if err != nil {
				return err
			}
			line[i] = text
			if t.schema[i].Name == keyColumn {
				t.people = append(t.people, text)
			}
		}
		if err := t.csv.Write(line); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) end() error {
	t.csv.Flush()
	return t.csv.Error()
}

func cell(wireType sqlv1.WireType, column *sqlv1.Column, row int) (string, error) {
	if isNull(column, row) {
		return "", nil
	}
	switch wireType {
	case sqlv1.WireType_WIRE_TYPE_BOOLEAN:
		return strconv.FormatBool(column.Booleans[row]), nil
	case sqlv1.WireType_WIRE_TYPE_INTEGER:
		return strconv.FormatInt(column.Integers[row], 10), nil
	case sqlv1.WireType_WIRE_TYPE_DOUBLE:
		return strconv.FormatFloat(column.Doubles[row], 'g', -1, 64), nil
	case sqlv1.WireType_WIRE_TYPE_TEXT:
		return column.Texts[row], nil
	case sqlv1.WireType_WIRE_TYPE_TIMESTAMP:
		return time.UnixMicro(column.Timestamps[row]).UTC().Format(time.RFC3339Nano), nil
	default:
		return "", fmt.Errorf("wire type %v is not known to this program", wireType)
	}
}

// isNull looks at the row's bit, the least significant first. Without a bitmap no cell is NULL.
func isNull(column *sqlv1.Column, row int) bool {
	return len(column.Validity) > 0 && column.Validity[row>>3]>>(row&7)&1 == 0
}
