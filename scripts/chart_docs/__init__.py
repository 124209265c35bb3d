"""What is generated from the comments of the chart's values.yaml; `scripts/generate_chart` writes it."""
