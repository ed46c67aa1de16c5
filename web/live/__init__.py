"""The live side of the pages: latest state, fragments, the event stream."""
