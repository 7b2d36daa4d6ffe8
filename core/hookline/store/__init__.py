"""What a run leaves behind: the journal (what happened) and the artifacts (what came out)."""
