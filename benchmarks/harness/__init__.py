"""What every peer is measured with."""
