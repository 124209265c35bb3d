"""Traces without a tracing product: a small OTLP receiver, a bounded store, and a waterfall in the terminal."""
