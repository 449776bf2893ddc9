"""Two recurrent cells with few gates."""
