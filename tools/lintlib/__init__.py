"""The parts of tools/lint that no ready-made tool does."""
