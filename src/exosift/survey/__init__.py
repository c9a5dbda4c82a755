"""A survey as a whole: every source of every epoch, and which of them move with their star."""
