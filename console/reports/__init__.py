"""Reports: what people ask of the figures, and how it is shown."""
