"""Templates, binding, the guard and everything else that is decided about SQL text without a database."""
