"""What `relay serve` promises when peers and the system fail it, measured on the real process."""
