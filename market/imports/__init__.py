"""Files of other people's data turned into tables of the store."""
