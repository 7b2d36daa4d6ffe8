"""What a source promises: read from the settings of a project, and checked against itself."""
