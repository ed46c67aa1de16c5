"""The verbs of the command line, a module a group: words in, one call, one result out."""
