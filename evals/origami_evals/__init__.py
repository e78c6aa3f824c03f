"""Rate, quality, time and tissue measurements of ORIGAMI against other pyramids."""
