"""One statement for many tuples of values: bound column by column, run in the form that is measured to be cheapest, and
with every error isolated to the tuple that causes it."""
