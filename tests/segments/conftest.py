"""What the tests of segments share."""

from hypothesis import settings

# A busy machine must not fail an example that is right: time is measured by benchmarks, never by tests.
settings.register_profile("directflow", deadline=None)
settings.load_profile("directflow")
