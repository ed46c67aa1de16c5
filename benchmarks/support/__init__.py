"""What several benchmarks share: peers, processes, histories."""
