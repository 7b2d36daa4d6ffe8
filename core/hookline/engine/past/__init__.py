"""What earlier runs left, as users, whys and plans read it."""
