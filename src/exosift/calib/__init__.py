"""From frames as they come to frames that can be compared: bad pixels, centring."""
