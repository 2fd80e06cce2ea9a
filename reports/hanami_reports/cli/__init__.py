"""The commands of hanami-reports, and those that other commands borrow."""
