"""The first layer: what a statement may contain, decided from its syntax tree alone."""
