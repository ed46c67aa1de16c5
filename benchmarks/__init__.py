"""Measurements, one module each. `python -m benchmarks NAME [--json]`; figures in
docs/trust/performance.md. Nothing here is a test: a benchmark reports, it never asserts."""
