"""The document store behind every definition: connections here, data sources and conditions for two other services."""
