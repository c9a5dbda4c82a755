"""From the headers of raw files to a table that says what each is for, and why."""
