"""Several agents on the same env and budget: runs them as processes, reads their files, makes the table and plots."""
