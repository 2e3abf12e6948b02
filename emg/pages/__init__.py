"""What the pages of recordings show, for staff and for the owner alike."""
