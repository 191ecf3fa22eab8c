"""What the page shows, whom it answers, and where it keeps recordings."""
