"""Altered rows and damaged files: scrubbing, holding, replacing and salvaging."""
