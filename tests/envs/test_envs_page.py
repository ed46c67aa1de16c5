"""The page that users read: its example runs."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "extend" / "envs.md"


def test_the_example_of_the_page_trains():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    namespace: dict[str, object] = {}
    exec(example, namespace)
    assert namespace["model"].num_timesteps >= 8_192
