"""The pages of Operations: the pipeline's state, its quarantine, its jobs, and RQ's dashboard."""
