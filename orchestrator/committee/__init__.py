"""Pool votes into decisions and targets."""
