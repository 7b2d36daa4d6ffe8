"""Parts of a table to learn from and to test with, and whether something leaks from one into another."""
