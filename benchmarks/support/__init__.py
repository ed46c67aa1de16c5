"""What several benchmarks share: other engines, processes, histories."""
