"""What a run leaves behind: the result model, its JSON form, and everything that is drawn from it."""
