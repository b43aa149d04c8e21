"""Commands about the pipeline's jobs."""
