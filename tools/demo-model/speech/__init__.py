"""Speech that machines speak: synthesisers, clips and what happens to them on the way to a microphone."""
