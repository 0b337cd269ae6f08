"""What a run leaves on disk and says on the terminal: schemas, files, the writer thread, lines, and their readers."""
