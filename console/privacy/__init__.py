"""What people may ask of an installation about somebody's data: to erase it, and to have it."""
