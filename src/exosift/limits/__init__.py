"""What could have been seen: injections, and what a reduction makes of them."""
