"""What the words of a record mean, each in a sentence for those who are no statisticians.

Promises that no score is shown on a page or a tear sheet whose meaning is not there too. The exact
definitions are in docs/trust/record.md.
"""

from research.report.tables import LabelledValue

SCORE_MEANINGS = {
    "Brier skill": "the share of the base rate's error (squared distance from what happened) that "
    "the forecasts saved; 0 % knows no more than the base rate, less than 0 % misleads",
    "Log skill": "the same by the log score, which punishes being sure and wrong harder",
    "Hit rate": "of the votes that leaned to one side of the base rate, the share whose symbol "
    "went that way",
    "Hits above base rate": "the hit rate less what the same leaning would have hit by the base "
    "rate alone: who always leans upwards in a rising market has shown nothing",
    "Rank IC": "whether stronger evidence went with larger returns among the symbols of one bar: "
    "1 the same order, 0 no relation, −1 the reverse; good forecasters of markets reach 0.02 to "
    "0.05; its n counts bars, and a bar needs five voted symbols",
    "Relative hits": "the share of votes that told right whether a symbol beats the median of "
    "its bar; 50 % is chance",
    "Marginal value": "what the committee's log score a vote would lose if this agent left and its "
    "weight went to the others; in thousandths of a nat, above 0 it is of use",
}
"""By the head of a column."""

SCORE_TERMS = (
    LabelledValue(
        "Settled",
        "",
        "a vote is settled when its horizon has passed and the return from the next open is "
        "known; only settled votes are scored",
    ),
    LabelledValue(
        "Coverage",
        "",
        "the share of what could be voted on that was; the rest are abstentions",
    ),
    LabelledValue(
        "Base rate",
        "",
        "how often a symbol rose so far: the forecast of one who knows nothing else",
    ),
    *(LabelledValue(name, "", meaning) for name, meaning in SCORE_MEANINGS.items()),
    LabelledValue(
        "Log score",
        "",
        "the logarithm of the probability that was given to what happened; its unit is the "
        "nat, and one vote gains a few thousandths of one at best",
    ),
    LabelledValue(
        "Calibration",
        "",
        "whether things happen as often as they are forecast: of all forecasts of 55 %, 55 of"
        " 100 should come true",
    ),
    LabelledValue(
        "Interval",
        "",
        "what 90 of 100 other draws of the same history, in blocks of bars, would have shown;"
        " too short a record has none",
    ),
)

QUANTILE_NOTE = (
    "The forecast is of a bad case: a return that only 5 of 100 outcomes should fall below. "
    "Pinball loss is the price of a wrong one, lower is better. Rivals forecast the same from the "
    "last 250 outcomes (historical simulation) or from the volatility alone (GARCH)."
)
