"""Boolean expressions over conditions, with three truth values."""
