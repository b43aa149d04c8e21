"""The state and operation of the pipeline: health, refused requests, quarantine, recalculation.

Reading order: health, rejections, quarantine, quarantine_edit, recompute, configuration, migrate.
"""
