"""Has the population, the input or the model changed? Statistics over windows of studies, without Django."""
