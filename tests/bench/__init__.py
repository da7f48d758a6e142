"""Benchmarks: `scripts/bench` prints their table. Figures compare within one run on one machine."""
