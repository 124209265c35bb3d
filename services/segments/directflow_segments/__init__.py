"""segments: audiences out of a data source's three queries."""
