"""What is kept: the library of market facts, the archive of panels and the journal of cycles."""
