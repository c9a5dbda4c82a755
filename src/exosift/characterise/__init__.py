"""What a companion is: its place and flux, and how well they are known."""
