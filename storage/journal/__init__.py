"""The journal: cycles, votes, decisions, events, outcomes and what was learnt."""
