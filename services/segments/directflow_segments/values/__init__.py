"""Values, schemas and rows on the wire: what several messages hold."""
